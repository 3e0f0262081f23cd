//! What a loop's exception handler is told.

use super::LoopCore;
use crate::ffi::{Obj, Res, dict, dict_set, string, while_handling};
use crate::state::state;

/// Call `loop_.call_exception_handler` with a context of these entries, less those that are not set.
pub fn call_exception_handler(loop_: &Obj, entries: &[(&Obj, Option<&Obj>)]) -> Res<()> {
    let context = dict()?;
    for (name, value) in entries {
        if let Some(value) = value {
            dict_set(&context, name, value)?;
        }
    }
    let method = &state().names.call_exception_handler;
    loop_.method1(method, &context).map(drop)
}

/// Tell of an exception, which `sys.exception()` gives meanwhile.
pub fn handle_exception(
    core: &LoopCore,
    message: &str,
    exception: &Obj,
    more: &[(&Obj, &Obj)],
) -> Res<()> {
    let names = &state().names;
    let message = string(message)?;
    let mut entries = vec![
        (&names.message, Some(&message)),
        (&names.exception, Some(exception)),
    ];
    entries.extend(more.iter().map(|(name, value)| (*name, Some(*value))));
    while_handling(exception, || call_exception_handler(&core.this(), &entries))
}
