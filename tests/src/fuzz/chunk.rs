//! An Automerge change taken apart, changed in its parts, and put together with lengths and checksum that hold: what a
//! hostile device would send. The format: automerge.org/automerge-binary-format-spec.

use super::mutate::{edit, leb, mutate, number, pick, signed_leb, take_leb};
use fastrand::Rng;
use huiliu_core::sync::Hash;

const MAGIC: [u8; 4] = [0x85, 0x6f, 0x4a, 0x83];
const CHANGE: u8 = 1;
const COMPRESSED: u8 = 2;

/// The columns of operations that Automerge writes, by their number: id times 16 and the type.
const COLUMNS: [u64; 14] = [1, 2, 17, 19, 21, 52, 66, 86, 87, 112, 113, 115, 148, 165];

/// The parts of a change.
#[derive(Clone)]
pub struct Parts {
    /// What it follows.
    pub deps: Vec<[u8; 32]>,
    /// Who made it.
    pub actor: Vec<u8>,
    /// Its number among its actor's.
    pub seq: u64,
    /// The number of its first operation.
    pub start_op: u64,
    /// Time and message, as they are written.
    pub time_and_message: Vec<u8>,
    /// Other actors that its operations name.
    pub others: Vec<Vec<u8>>,
    /// The columns: number and bytes.
    pub columns: Vec<(u64, Vec<u8>)>,
    /// What follows the columns.
    pub extra: Vec<u8>,
}

impl Parts {
    /// The parts of a change chunk.
    pub fn of(raw: &[u8]) -> Option<Self> {
        let rest = raw.strip_prefix(&MAGIC)?.get(4..)?.strip_prefix(&[CHANGE])?;
        let (_, rest) = take_leb(rest)?;
        let (count, mut rest) = take_leb(rest)?;
        let mut deps = Vec::new();
        for _ in 0..count {
            let (dep, after) = rest.split_first_chunk::<32>()?;
            deps.push(*dep);
            rest = after;
        }
        let (actor, rest) = take_bytes(rest)?;
        let (seq, rest) = take_leb(rest)?;
        let (start_op, after_start) = take_leb(rest)?;
        let (_, rest) = take_leb(after_start)?;
        let (_, rest) = take_bytes(rest)?;
        let time_and_message = after_start[..after_start.len() - rest.len()].to_vec();
        let (count, mut rest) = take_leb(rest)?;
        let mut others = Vec::new();
        for _ in 0..count {
            let (other, after) = take_bytes(rest)?;
            others.push(other);
            rest = after;
        }
        let (count, mut rest) = take_leb(rest)?;
        let mut lengths = Vec::new();
        for _ in 0..count {
            let (column, after) = take_leb(rest)?;
            let (length, after) = take_leb(after)?;
            lengths.push((column, usize::try_from(length).ok()?));
            rest = after;
        }
        let mut columns = Vec::new();
        for (column, length) in lengths {
            let (bytes, after) = rest.split_at_checked(length)?;
            columns.push((column, bytes.to_vec()));
            rest = after;
        }
        Some(Self { deps, actor, seq, start_op, time_and_message, others, columns, extra: rest.to_vec() })
    }

    /// The change of these parts, without magic bytes, checksum, type and length.
    fn body(&self) -> Vec<u8> {
        let mut body = leb(self.deps.len() as u64);
        self.deps.iter().for_each(|dep| body.extend_from_slice(dep));
        put_bytes(&mut body, &self.actor);
        body.extend(leb(self.seq));
        body.extend(leb(self.start_op));
        body.extend_from_slice(&self.time_and_message);
        body.extend(leb(self.others.len() as u64));
        self.others.iter().for_each(|other| put_bytes(&mut body, other));
        body.extend(leb(self.columns.len() as u64));
        for (column, bytes) in &self.columns {
            body.extend(leb(*column));
            body.extend(leb(bytes.len() as u64));
        }
        self.columns.iter().for_each(|(_, bytes)| body.extend_from_slice(bytes));
        body.extend_from_slice(&self.extra);
        body
    }

    /// The change of these parts.
    pub fn bytes(&self) -> Vec<u8> {
        chunk(CHANGE, &self.body())
    }

    /// Gives a column these bytes, wherever it must stand.
    pub fn set_column(&mut self, column: u64, bytes: Vec<u8>) {
        self.columns.retain(|(number, _)| *number != column);
        self.columns.push((column, bytes));
        self.columns.sort_by_key(|(number, _)| *number);
    }
}

fn take_bytes(bytes: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let (length, rest) = take_leb(bytes)?;
    let (taken, rest) = rest.split_at_checked(usize::try_from(length).ok()?)?;
    Some((taken.to_vec(), rest))
}

fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend(leb(bytes.len() as u64));
    out.extend_from_slice(bytes);
}

/// A chunk of this type, with length and checksum.
pub fn chunk(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut hashed = vec![kind];
    hashed.extend(leb(body.len() as u64));
    hashed.extend_from_slice(body);
    let checksum = Hash::of(&[&hashed]);
    [&MAGIC[..], &checksum.0[..4], &hashed].concat()
}

/// A change's chunk with every length and the checksum made right again, if it is near enough to one.
fn mended(raw: &[u8]) -> Option<Vec<u8>> {
    let rest = raw.get(9..)?;
    let (_, body) = take_leb(rest)?;
    Some(chunk(raw[8], body))
}

/// A run of equal values in a column: `count` times `value`; a count of 0 is a run of nulls that many.
pub fn run(count: i64, value: &[u8]) -> Vec<u8> {
    [signed_leb(count), value.to_vec()].concat()
}

/// Changes a change, in its parts or as bytes, and makes its checksum hold. `donors` are other changes.
pub fn mutate_change(raw: &[u8], donors: &[Vec<u8>], rng: &mut Rng) -> Vec<u8> {
    let Some(mut parts) = Parts::of(raw) else { return raw.to_vec() };
    match rng.u8(..24) {
        // Bytes of the body, whatever they mean.
        0..3 => {
            let mut body = parts.body();
            mutate(&mut body, donors, rng);
            return chunk(CHANGE, &body);
        }
        // Anything, mended where it can be.
        3 => {
            let mut bytes = raw.to_vec();
            mutate(&mut bytes, donors, rng);
            return if rng.bool() { mended(&bytes).unwrap_or(bytes) } else { bytes };
        }
        // Another type of chunk: document, compressed, bundle. Deflate can say something as it is.
        4 => {
            let kind = *pick(rng, &[0, COMPRESSED, COMPRESSED, 3, 4, 0xff]);
            let mut body = parts.body();
            if kind == COMPRESSED {
                let length = body.len() as u16;
                let stored = [&[1], &length.to_le_bytes()[..], &(!length).to_le_bytes(), &body].concat();
                body = stored;
            }
            return chunk(kind, &body);
        }
        _ => {}
    }
    let places = if rng.bool() { 1 } else { rng.usize(2..=3) };
    for _ in 0..places {
        change_part(&mut parts, donors, rng);
    }
    parts.bytes()
}

fn change_part(parts: &mut Parts, donors: &[Vec<u8>], rng: &mut Rng) {
    let donor = (!donors.is_empty()).then(|| pick(rng, donors)).and_then(|donor| Parts::of(donor));
    match rng.u8(..22) {
        0 => parts.seq = if rng.bool() { parts.seq.wrapping_add(rng.u64(..3)) } else { number(rng) },
        1 | 2 => {
            let near = parts.start_op.wrapping_add(rng.u64(..5)).wrapping_sub(2);
            parts.start_op = if rng.bool() { near } else { number(rng) };
        }
        3 => mutate(&mut parts.time_and_message, donors, rng),
        4 => change_deps(&mut parts.deps, donor.map(|donor| donor.deps), rng),
        5 => match donor {
            Some(donor) if rng.u8(..4) > 0 => parts.actor = donor.actor,
            _ => mutate(&mut parts.actor, donors, rng),
        },
        6 | 7 => change_actors(parts, donor, rng),
        8 => mutate(&mut parts.extra, donors, rng),
        9 => {
            let at = rng.usize(..=parts.columns.len());
            let column = if rng.bool() { *pick(rng, &COLUMNS) } else { number(rng) };
            let bytes = column_bytes(rng);
            parts.columns.insert(at, (column, bytes));
        }
        10 => {
            let column = *pick(rng, &COLUMNS);
            let bytes = column_bytes(rng);
            parts.set_column(column, bytes);
        }
        _ => change_column(parts, donor, donors, rng),
    }
}

fn change_deps(deps: &mut Vec<[u8; 32]>, others: Option<Vec<[u8; 32]>>, rng: &mut Rng) {
    match rng.u8(..4) {
        0 => deps.clear(),
        1 => deps.extend(deps.first().copied()),
        2 => deps.extend(others.unwrap_or_default()),
        _ => deps.push([rng.u8(..); 32]),
    }
}

fn change_actors(parts: &mut Parts, donor: Option<Parts>, rng: &mut Rng) {
    match rng.u8(..6) {
        0 => drop(parts.others.pop()),
        1 => parts.others.extend(donor.map(|donor| donor.actor)),
        2 => parts.others.extend(donor.map(|donor| donor.others).unwrap_or_default()),
        3 => parts.others.push(parts.actor.clone()),
        4 => parts.others.reverse(),
        _ => parts.others.push(vec![rng.u8(..); rng.usize(..20)]),
    }
}

fn change_column(parts: &mut Parts, donor: Option<Parts>, donors: &[Vec<u8>], rng: &mut Rng) {
    if parts.columns.is_empty() {
        return;
    }
    let at = rng.usize(..parts.columns.len());
    let other = rng.usize(..parts.columns.len());
    match rng.u8(..16) {
        0..3 => edit(&mut parts.columns[at].1, donors, rng),
        // A byte a little more or less: another operation, another field, another value.
        12.. => {
            let bytes = &mut parts.columns[at].1;
            if !bytes.is_empty() {
                let place = rng.usize(..bytes.len());
                bytes[place] = bytes[place].wrapping_add(rng.u8(..7)).wrapping_sub(3);
            }
        }
        3 => swell(parts, rng),
        4 => drop(parts.columns.remove(at)),
        5 => parts.columns.insert(other, parts.columns[at].clone()),
        6 => parts.columns.swap(at, other),
        7 => parts.columns[at].0 = if rng.bool() { *pick(rng, &COLUMNS) } else { number(rng) },
        // The bit that says the column is compressed, or one of its type.
        8 => parts.columns[at].0 ^= 1 << rng.u8(..5),
        9 => parts.columns[at].1 = parts.columns[other].1.clone(),
        10 => parts.columns[at].1 = column_bytes(rng),
        _ => {
            let wanted = parts.columns[at].0;
            let found = donor.and_then(|donor| donor.columns.into_iter().find(|(n, _)| *n == wanted));
            parts.columns[at].1 = found.map_or_else(Vec::new, |(_, bytes)| bytes);
        }
    }
}

/// Every column says that it has a great many rows, all equal.
fn swell(parts: &mut Parts, rng: &mut Rng) {
    let count = *pick(rng, &[2, 100, 1000, 1001, 16_000, 20_000, 1 << 24, 1 << 40]);
    let preds = rng.bool();
    parts.set_column(21, run(count, b"\x07address"));
    parts.set_column(52, leb(count as u64));
    parts.set_column(66, run(count, &[1]));
    parts.set_column(86, run(count, &[0]));
    parts.set_column(87, Vec::new());
    parts.set_column(112, run(if preds { 1 } else { count }, &leb(if preds { count as u64 } else { 0 })));
    if preds {
        parts.set_column(113, run(count, &[0]));
        parts.set_column(115, run(count, &[rng.u8(..3)]));
    }
}

/// Runs, literals and nulls as columns write them, of numbers at which counting may go wrong.
fn column_bytes(rng: &mut Rng) -> Vec<u8> {
    let mut bytes = Vec::new();
    for _ in 0..rng.usize(..4) {
        let value = leb(number(rng));
        match rng.u8(..5) {
            0 => bytes.extend(run(number(rng) as i64, &value)),
            1 => bytes.extend(run(rng.i64(1..6), &value)),
            2 => bytes.extend(run(0, &value)),
            3 => bytes.extend(run(-1, &leb(rng.u64(..8)))),
            _ => bytes.extend(run(1 + rng.i64(..3), &leb(rng.u64(..8)))),
        }
    }
    bytes
}
