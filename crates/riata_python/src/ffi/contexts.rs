//! Contexts: copying, entering, and asking whether two hold the same.

use super::*;

/// A copy of the context that is current in this thread.
#[inline]
pub fn copy_context() -> Res {
    // SAFETY: null means raised.
    unsafe { Obj::owned(ffi::PyContext_CopyCurrent()) }
}

/// A copy of a context.
#[inline]
pub fn copy_of_context(context: &Obj) -> Res {
    // SAFETY: PyContext_Copy checks that this is a context.
    unsafe { Obj::owned(ffi::PyContext_Copy(context.as_ptr())) }
}

/// Run `body` inside `context`. The body's error outlives the exit.
#[inline]
pub fn in_context<T>(context: &Obj, body: impl FnOnce() -> Res<T>) -> Res<T> {
    enter(context)?;
    leave_with(context, body())
}

/// As [`in_context`], by asyncio's `context.run(…)`: what is no context has no `run`.
#[inline]
pub fn run_in_context<T>(context: &Obj, body: impl FnOnce() -> Res<T>) -> Res<T> {
    enter(context).or_else(|raised| no_run(context, raised))?;
    leave_with(context, body())
}

#[inline]
fn enter(context: &Obj) -> Res<()> {
    // SAFETY: PyContext_Enter checks that this is a context.
    check(unsafe { ffi::PyContext_Enter(context.as_ptr()) })
}

#[inline]
fn leave_with<T>(context: &Obj, result: Res<T>) -> Res<T> {
    // SAFETY: the caller has entered it; CPython keeps the error indicator across the exit.
    check(unsafe { ffi::PyContext_Exit(context.as_ptr()) })?;
    result
}

#[cold]
fn no_run(context: &Obj, raised: Raised) -> Res<()> {
    let error = take_exception();
    context.get(c"run")?;
    error.map(set_exception);
    Err(raised)
}

/// Where something will run that is scheduled.
pub enum RunsIn {
    /// In this very context.
    Own(Obj),
    /// In a copy of this one, which nobody changes and others may hold.
    CopyOf(Obj),
}

impl RunsIn {
    /// For the two fields that [`own_context`] takes.
    #[inline]
    pub fn into_parts(self) -> (Obj, bool) {
        match self {
            RunsIn::Own(context) => (context, false),
            RunsIn::CopyOf(context) => (context, true),
        }
    }
}

/// Before anything runs in the context of a slot, or it is shown: copy it, if it is shared and somebody else does hold it.
#[inline]
pub fn own_context(slot: &Slot, is_shared: &Cell<bool>) -> Res<()> {
    if is_shared.get() {
        if let Some(snapshot) = slot.get() {
            // Two: the slot's reference, and the one in hand.
            if snapshot.refcount() > 2 {
                slot.set(copy_of_context(&snapshot)?);
            }
        }
        is_shared.set(false);
    }
    Ok(())
}

/// Where this very Python keeps two pointers: in a context the immutable map of its variables, and in a thread's state the
/// current context. CPython has no call for either that makes no copy.
///
/// Nothing is assumed about the layout: [`ContextLayout::find`] looks on, at import, while contexts change, and what it does
/// not find without doubt is not used.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ContextLayout {
    /// In words from the start of the context.
    variables: usize,
    /// In words from the start of the thread's state.
    current: usize,
}

impl ContextLayout {
    /// Words of a thread's state that exist in every version: 3.10's is the smallest, at 34.
    const THREAD_STATE_WORDS: usize = 33;

    /// Look for the two places; `None` when either is in doubt.
    pub fn find() -> Res<Option<ContextLayout>> {
        Ok(match (Self::find_variables()?, Self::find_current()?) {
            (Some(variables), Some(current)) => Some(ContextLayout { variables, current }),
            _ => None,
        })
    }

    /// The map is what a copy shares with its original, until one of them sets a variable.
    fn find_variables() -> Res<Option<usize>> {
        // SAFETY: plain calls; null means raised.
        let (original, variable) = unsafe {
            (
                Obj::owned(ffi::PyContext_New())?,
                Obj::owned(ffi::PyContextVar_New(c"riata".as_ptr(), ptr::null_mut()))?,
            )
        };
        let copy = copy_of_context(&original)?;
        let before = words_of(&original);
        let set = |context: &Obj| {
            in_context(context, || {
                // SAFETY: a live variable and a live value; null means raised.
                unsafe {
                    Obj::owned(ffi::PyContextVar_Set(variable.as_ptr(), ffi::Py_None())).map(drop)
                }
            })
        };
        set(&original)?;
        let changed = words_of(&original);
        let copy_of_changed = copy_of_context(&original)?;
        let (old, new) = (words_of(&copy), words_of(&copy_of_changed));
        let header = size_of::<ffi::PyObject>() / size_of::<usize>();
        Ok(only((header..before.len()).filter(|&word| {
            before[word] != 0
                && before[word] == old[word]
                && changed[word] != before[word]
                && changed[word] == new[word]
        })))
    }

    /// The one word that names each context while it is entered.
    fn find_current() -> Res<Option<usize>> {
        // SAFETY: plain calls; null means raised.
        let (first, second) = unsafe {
            (
                Obj::owned(ffi::PyContext_New())?,
                Obj::owned(ffi::PyContext_New())?,
            )
        };
        let thread = thread_state();
        let look = || {
            // SAFETY: every thread's state is at least this long, and is read as numbers only.
            Ok(unsafe {
                std::slice::from_raw_parts(thread.cast::<usize>(), Self::THREAD_STATE_WORDS)
            }
            .to_vec())
        };
        let outside: Vec<usize> = look()?;
        let in_first = in_context(&first, look)?;
        let in_second = in_context(&second, look)?;
        Ok(only((0..Self::THREAD_STATE_WORDS).filter(|&word| {
            in_first[word] == first.as_ptr() as usize
                && in_second[word] == second.as_ptr() as usize
                && outside[word] != in_first[word]
        })))
    }

    /// The context that is current in a thread: null when none has ever been.
    ///
    /// # Safety
    /// `thread` is the state of this thread.
    #[inline]
    pub unsafe fn current(self, thread: *mut ffi::PyThreadState) -> *mut ffi::PyObject {
        // SAFETY: `find` saw the pointer in this word.
        unsafe { *thread.cast::<*mut ffi::PyObject>().add(self.current) }
    }

    /// What identifies the variables of a context as they are now: as long as somebody holds a context with the same, no other
    /// variables have this value.
    ///
    /// # Safety
    /// `context` is a live context.
    #[inline]
    pub unsafe fn variables(self, context: *mut ffi::PyObject) -> usize {
        // SAFETY: `find` saw the pointer in this word, and compares as we do.
        unsafe { *context.cast::<usize>().add(self.variables) }
    }
}

/// The state of this thread.
#[inline]
pub fn thread_state() -> *mut ffi::PyThreadState {
    // SAFETY: the GIL is held, so there is one.
    unsafe { ffi::PyThreadState_Get() }
}

/// A context as numbers.
fn words_of(context: &Obj) -> Vec<usize> {
    // SAFETY: a live object of a type of fixed size, read as numbers only.
    unsafe {
        let size = (*context.type_ptr()).tp_basicsize as usize;
        std::slice::from_raw_parts(context.as_ptr().cast::<usize>(), size / size_of::<usize>())
            .to_vec()
    }
}

/// The item, if there is exactly one.
fn only(mut items: impl Iterator<Item = usize>) -> Option<usize> {
    let first = items.next();
    if items.next().is_some() { None } else { first }
}
