//! `copy` and `pickle` of primitives: what asyncio's have as plain attributes, as the state of an object.

use super::waiters::{LoopBound, Waiters};
use crate::ffi::{
    Obj, Raised, Res, iterate, list, raise_type_error, take_raised, tuple, tuple_items, type_name,
};

/// For `__getstate__`: the attributes that a program has set, those of `__slots__`, the loop, and what the class keeps.
pub fn state_of(this: &Obj, bound: &LoopBound, waiters: &[&Waiters], kept: &[Obj]) -> Res {
    if waiters.iter().any(|waiters| !waiters.is_empty()) {
        return Err(raise_type_error(&format!(
            "cannot copy or pickle a '{}' object while tasks wait for it",
            type_name(this)?
        )));
    }
    let kept: Vec<_> = kept.iter().map(Obj::as_ptr).collect();
    let (attributes, loop_) = (this.get(c"__dict__")?, bound.slot().get_or_none());
    let (slots, kept) = (slots_of(this)?, tuple(&kept)?);
    tuple(&[
        attributes.as_ptr(),
        slots.as_ptr(),
        loop_.as_ptr(),
        kept.as_ptr(),
    ])
}

/// Pairs of name and value: what a subclass keeps in `__slots__`.
fn slots_of(this: &Obj) -> Res {
    let names = crate::ffi::import(c"copyreg")?.get(c"_slotnames")?;
    let mut pairs = Vec::new();
    for name in iterate(&names.call1(&this.get(c"__class__")?)?)? {
        match this.attr(&name) {
            Ok(value) => pairs.push(tuple(&[name.as_ptr(), value.as_ptr()])?),
            Err(raised) => drop(take_raised(raised)), // it has no value
        }
    }
    list(&pairs)
}

/// For `__setstate__`: what the class has kept.
pub fn restore<const N: usize>(this: &Obj, bound: &LoopBound, state: &Obj) -> Res<[Obj; N]> {
    let parts = tuple_items(state).and_then(|parts| <&[Obj; 4]>::try_from(parts).ok());
    let Some([attributes, slots, loop_, kept]) = parts else {
        return Err(not_a_state(this));
    };
    let kept = tuple_items(kept).and_then(|kept| <[Obj; N]>::try_from(kept.to_vec()).ok());
    let kept = kept.ok_or_else(|| not_a_state(this))?;
    this.get(c"__dict__")?.get(c"update")?.call1(attributes)?;
    for pair in iterate(slots)? {
        let Some([name, value]) = tuple_items(&pair) else {
            return Err(not_a_state(this));
        };
        this.set_attr(name, value)?;
    }
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
