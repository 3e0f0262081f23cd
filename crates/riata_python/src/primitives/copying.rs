//! `copy` and `pickle` of primitives: what asyncio's have as plain attributes, as the state of an object.

use super::waiters::{LoopBound, Waiters};
use crate::ffi::{Obj, Raised, Res, raise_type_error, tuple, tuple_items, type_name};

/// For `__getstate__`: the attributes that a program has set, the loop, and what the class keeps.
pub fn state_of(this: &Obj, bound: &LoopBound, waiters: &[&Waiters], kept: &[Obj]) -> Res {
    if waiters.iter().any(|waiters| !waiters.is_empty()) {
        return Err(raise_type_error(&format!(
            "cannot copy or pickle a '{}' object while tasks wait for it",
            type_name(this)?
        )));
    }
    let kept: Vec<_> = kept.iter().map(Obj::as_ptr).collect();
    let (attributes, loop_) = (this.get(c"__dict__")?, bound.slot().get_or_none());
    let kept = tuple(&kept)?;
    tuple(&[attributes.as_ptr(), loop_.as_ptr(), kept.as_ptr()])
}

/// For `__setstate__`: what the class has kept.
pub fn restore<const N: usize>(this: &Obj, bound: &LoopBound, state: &Obj) -> Res<[Obj; N]> {
    let parts = tuple_items(state).and_then(|parts| <&[Obj; 3]>::try_from(parts).ok());
    let Some([attributes, loop_, kept]) = parts else {
        return Err(not_a_state(this));
    };
    let kept = tuple_items(kept).and_then(|kept| <[Obj; N]>::try_from(kept.to_vec()).ok());
    let kept = kept.ok_or_else(|| not_a_state(this))?;
    this.get(c"__dict__")?.get(c"update")?.call1(attributes)?;
    if !loop_.is_none() {
        bound.slot().set(loop_.clone());
    }
    Ok(kept)
}

#[cold]
fn not_a_state(this: &Obj) -> Raised {
    let name = type_name(this).unwrap_or_default();
    raise_type_error(&format!("this is not the state of a '{name}' object"))
}
