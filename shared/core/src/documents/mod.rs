//! Layer 2: one Automerge document per record. Imports `model` and automerge.
