//! Taking an Automerge change apart and putting it together again, so that a batch can leave out what its receiver
//! computes.

use super::entry::CHUNK_MAGIC;
use super::keys::Hash;
use crate::documents::columns::take_leb;

/// The parts of an uncompressed Automerge change chunk: magic bytes, checksum, type, length, then dependencies,
/// actor, and the rest. The format: automerge.org/automerge-binary-format-spec.
pub(super) struct Chunk<'a> {
    pub(super) deps: &'a [[u8; 32]],
    pub(super) actor: &'a [u8],
    pub(super) rest: &'a [u8],
}

const CHANGE: u8 = 1;

impl<'a> Chunk<'a> {
    pub(super) fn parse(raw: &'a [u8]) -> Option<Self> {
        let body = raw.strip_prefix(&CHUNK_MAGIC)?.get(4..)?.strip_prefix(&[CHANGE])?;
        let (_, body) = take_leb(body)?;
        let (count, body) = take_leb(body)?;
        let (deps, body) = body.split_at_checked(usize::try_from(count).ok()?.checked_mul(32)?)?;
        let (length, body) = take_leb(body)?;
        let (actor, rest) = body.split_at_checked(usize::try_from(length).ok()?)?;
        Some(Self { deps: deps.as_chunks().0, actor, rest })
    }
}

/// The chunk of these parts, with its magic bytes and checksum.
pub(super) fn assemble(deps: &[[u8; 32]], actor: &[u8], rest: &[u8]) -> Vec<u8> {
    let mut body = Vec::with_capacity(64 + rest.len());
    put_leb(&mut body, deps.len() as u64);
    deps.iter().for_each(|dep| body.extend_from_slice(dep));
    put_leb(&mut body, actor.len() as u64);
    body.extend_from_slice(actor);
    body.extend_from_slice(rest);
    let mut hashed = Vec::with_capacity(body.len() + 6);
    hashed.push(CHANGE);
    put_leb(&mut hashed, body.len() as u64);
    hashed.extend_from_slice(&body);
    let checksum = Hash::of(&[&hashed]);
    [&CHUNK_MAGIC, &checksum.0[..4], &hashed].concat()
}

fn put_leb(bytes: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}
