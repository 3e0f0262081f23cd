//! Arguments of fastcall methods and of `tp_init`, with the errors that Python functions raise.
#![expect(unsafe_code, reason = "raw CPython calls, see core/mod.rs")]

use std::borrow::Cow;

use pyo3::ffi;

use crate::ffi::{Obj, Raised, Res, raise_type_error, utf8};

/// The arguments of one fastcall: borrowed for the length of the call.
pub struct Args<'a> {
    function: &'static str,
    positional: &'a [*mut ffi::PyObject],
    values: &'a [*mut ffi::PyObject],
    names: *mut ffi::PyObject,
    /// One for the receiver of a method, which counts in messages, as Python counts.
    receivers: usize,
}

impl<'a> Args<'a> {
    /// # Safety
    /// The arguments are those that CPython gave to a METH_FASTCALL | METH_KEYWORDS method.
    #[inline]
    pub unsafe fn new(
        function: &'static str,
        args: *const *mut ffi::PyObject,
        nargs: ffi::Py_ssize_t,
        kwnames: *mut ffi::PyObject,
    ) -> Args<'a> {
        // SAFETY: CPython passes `nargs` values, followed by one per keyword.
        unsafe {
            let keywords = if kwnames.is_null() {
                0
            } else {
                ffi::PyTuple_GET_SIZE(kwnames) as usize
            };
            let nargs = nargs as usize;
            let all: &'a [*mut ffi::PyObject] = if nargs + keywords == 0 {
                &[]
            } else {
                std::slice::from_raw_parts(args, nargs + keywords)
            };
            Args {
                function,
                positional: &all[..nargs],
                values: &all[nargs..],
                names: kwnames,
                receivers: 1,
            }
        }
    }

    /// Those of a function, which has no receiver.
    #[inline]
    pub fn of_function(self) -> Args<'a> {
        Args {
            receivers: 0,
            ..self
        }
    }

    /// Named for the error messages.
    #[inline]
    pub fn of(self, function: &'static str) -> Args<'a> {
        Args { function, ..self }
    }

    #[inline]
    pub fn positional(&self) -> &'a [*mut ffi::PyObject] {
        self.positional
    }

    /// All positional arguments.
    #[inline]
    pub fn all(&self) -> &'a [Obj] {
        // SAFETY: live arguments, none of which is null; an `Obj` is such a pointer.
        unsafe { &*(std::ptr::from_ref(self.positional) as *const [Obj]) }
    }

    /// The only argument, by position or by name.
    #[inline]
    pub fn only(&self, name: &'static str) -> Res<&'a Obj> {
        match self.all() {
            [only] if self.values.is_empty() => Ok(only),
            _ => self.bind([name], 1)?[0].ok_or_else(|| self.missing(&[name])),
        }
    }

    /// The first argument, which must be there, by position or by name.
    #[inline]
    pub fn first(&self, name: &'static str) -> Res<&'a Obj> {
        if let Some(first) = self.all().first() {
            return Ok(first);
        }
        for (index, value) in self.values.iter().enumerate() {
            // SAFETY: one name per value; both live as long as the call.
            let (key, value) = unsafe {
                let key = ffi::PyTuple_GET_ITEM(self.names, index as isize);
                (utf8(Obj::from_ref(&key))?, Obj::from_ref(value))
            };
            if key == name {
                return Ok(value);
            }
        }
        Err(self.missing(&[name]))
    }

    /// `name` and `context` of a task whose coroutine is the only positional argument; `None` when there is anything else.
    #[inline]
    pub fn task_keywords(&self) -> Option<[Option<&'a Obj>; 2]> {
        if self.positional.len() != 1 {
            return None;
        }
        let mut found = [None; 2];
        let names = &crate::state::state().names;
        for (index, value) in self.values.iter().enumerate() {
            // SAFETY: one name per value; both live as long as the call.
            let (key, value) = unsafe {
                let key = ffi::PyTuple_GET_ITEM(self.names, index as isize);
                (key, Obj::from_ref(value))
            };
            let known = [&names.name, &names.context];
            let position = known.iter().position(|known| same_name(known, key))?;
            found[position] = Some(value);
        }
        Some(found)
    }

    /// Call a function with the same arguments.
    pub fn pass_on(&self, function: &Obj) -> Res {
        let all = [self.positional, self.values].concat();
        if self.names.is_null() {
            return function.call(&all);
        }
        // SAFETY: a tuple of names.
        function.call_kw(&all, unsafe { Obj::from_ref(&self.names) })
    }

    #[inline]
    pub fn has_keywords(&self) -> bool {
        !self.values.is_empty()
    }

    /// At least these positional arguments, named for the error message, as a Python function demands.
    #[inline(always)]
    pub fn require(&self, names: &[&str]) -> Res<()> {
        if self.positional.len() >= names.len() {
            return Ok(());
        }
        Err(self.missing(names))
    }

    /// The error for positional arguments that `require` lacks.
    #[cold]
    pub fn missing(&self, names: &[&str]) -> Raised {
        let given = self.positional.len();
        let missing: Vec<String> = names[given..].iter().map(|n| format!("'{n}'")).collect();
        let listed = match missing.as_slice() {
            [one] => one.clone(),
            [first, second] => format!("{first} and {second}"),
            [init @ .., last] => format!("{}, and {last}", init.join(", ")),
            [] => String::new(),
        };
        raise_type_error(&format!(
            "{}() missing {} required positional argument{}: {listed}",
            self.function,
            missing.len(),
            if missing.len() == 1 { "" } else { "s" },
        ))
    }

    /// No more than `max` positional arguments, the first `required` of which have no default.
    #[inline]
    pub fn at_most(&self, required: usize, max: usize) -> Res<()> {
        match self.positional.len() <= max {
            true => Ok(()),
            false => Err(self.too_many(required, max)),
        }
    }

    #[cold]
    fn too_many(&self, required: usize, max: usize) -> Raised {
        let (least, most) = (required + self.receivers, max + self.receivers);
        let given = self.positional.len() + self.receivers;
        let takes = match least == most {
            true => format!("{most}"),
            false => format!("from {least} to {most}"),
        };
        raise_type_error(&format!(
            "{}() takes {takes} positional argument{} but {given} {} given",
            self.function,
            if most == 1 { "" } else { "s" },
            if given == 1 { "was" } else { "were" },
        ))
    }

    /// Values in the order of `names`, the first `required` of which must be there; each may come by position or name.
    #[inline]
    pub fn bind<const N: usize>(
        &self,
        names: [&'static str; N],
        required: usize,
    ) -> Res<[Option<&'a Obj>; N]> {
        if self.values.is_empty() && (required..=N).contains(&self.positional.len()) {
            let mut given = self.all().iter();
            return Ok(std::array::from_fn(|_| given.next()));
        }
        self.bind_names(names, required)
    }

    #[cold]
    fn bind_names<const N: usize>(
        &self,
        names: [&'static str; N],
        required: usize,
    ) -> Res<[Option<&'a Obj>; N]> {
        self.at_most(required, N)?;
        let mut found = [None; N];
        for (slot, value) in found.iter_mut().zip(self.positional) {
            // SAFETY: the caller's argument lives as long as the call.
            *slot = Some(unsafe { Obj::from_ref(value) });
        }
        for (index, value) in self.values.iter().enumerate() {
            // SAFETY: one name per value.
            let name = unsafe { ffi::PyTuple_GET_ITEM(self.names, index as isize) };
            // SAFETY: a live string.
            let shown = utf8(unsafe { Obj::from_ref(&name) })?;
            let Some(position) = names.iter().position(|n| *n == shown) else {
                return Err(raise_type_error(&format!(
                    "{}() got an unexpected keyword argument '{shown}'",
                    self.function
                )));
            };
            if found[position].is_some() {
                return Err(raise_type_error(&format!(
                    "{}() got multiple values for argument '{shown}'",
                    self.function
                )));
            }
            // SAFETY: as above.
            found[position] = Some(unsafe { Obj::from_ref(value) });
        }
        if found[..required].iter().any(Option::is_none) {
            self.require(&names[..required])?;
        }
        Ok(found)
    }

    /// For `f(required…, *args, context=None)`: what is required may be given by name, too. Returns all positional values,
    /// and the context unless it is `None`.
    #[cold]
    pub fn named<const N: usize>(
        &self,
        required: [&str; N],
    ) -> Res<(Cow<'a, [*mut ffi::PyObject]>, Option<&'a Obj>)> {
        let mut by_name: [Option<*mut ffi::PyObject>; N] = [None; N];
        let mut context = None;
        for (index, value) in self.values.iter().enumerate() {
            // SAFETY: one name per value; both live as long as the call.
            let (name, value) = unsafe {
                let name = ffi::PyTuple_GET_ITEM(self.names, index as isize);
                (utf8(Obj::from_ref(&name))?, Obj::from_ref(value))
            };
            if name == "context" {
                context = given(Some(value));
            } else if let Some(position) = required.iter().position(|r| *r == name) {
                if position < self.positional.len() {
                    return Err(raise_type_error(&format!(
                        "{}() got multiple values for argument '{name}'",
                        self.function
                    )));
                }
                by_name[position] = Some(value.as_ptr());
            } else {
                return Err(raise_type_error(&format!(
                    "{}() got an unexpected keyword argument '{name}'",
                    self.function
                )));
            }
        }
        let mut positional = Cow::Borrowed(self.positional);
        for value in by_name.into_iter().skip(self.positional.len()) {
            let Some(value) = value else { break };
            positional.to_mut().push(value);
        }
        if positional.len() < N {
            let all = Args {
                positional: &positional,
                ..*self
            };
            all.require(&required)?;
        }
        Ok((positional, context))
    }

    /// Keyword values in the order of `names`; anything else is an error.
    pub fn keywords<const N: usize>(&self, names: [&Obj; N]) -> Res<[Option<&'a Obj>; N]> {
        let mut found = [None; N];
        for (index, value) in self.values.iter().enumerate() {
            // SAFETY: one name per value.
            let name = unsafe { ffi::PyTuple_GET_ITEM(self.names, index as isize) };
            let Some(position) = names.iter().position(|n| same_name(n, name)) else {
                // SAFETY: a live string.
                let shown = utf8(unsafe { Obj::from_ref(&name) })?;
                return Err(raise_type_error(&format!(
                    "{}() got an unexpected keyword argument '{shown}'",
                    self.function
                )));
            };
            // SAFETY: the caller's argument lives as long as the call.
            found[position] = Some(unsafe { Obj::from_ref(value) });
        }
        Ok(found)
    }
}

/// Keyword names are nearly always interned; compare by value when the pointers differ.
#[inline]
fn same_name(expected: &Obj, name: *mut ffi::PyObject) -> bool {
    // SAFETY: both are live strings.
    expected.is(name) || unsafe { ffi::PyUnicode_Compare(expected.as_ptr(), name) == 0 }
}

/// `None` counts as not given, as in asyncio's signatures.
#[inline]
pub fn given(value: Option<&Obj>) -> Option<&Obj> {
    value.filter(|v| !v.is_none())
}

/// Read `tp_init` arguments: `positional` names may also be given by keyword.
///
/// # Safety
/// `args` is a tuple and `kwargs` a dict or null, as CPython passes them to `tp_init`.
pub unsafe fn init_args<const N: usize>(
    function: &str,
    args: *mut ffi::PyObject,
    kwargs: *mut ffi::PyObject,
    positional: usize,
    required: usize,
    names: [&Obj; N],
) -> Res<[Option<Obj>; N]> {
    let mut found: [Option<Obj>; N] = [const { None }; N];
    // SAFETY: as promised by the caller; items of a tuple and of a dict are live.
    unsafe {
        let given = ffi::PyTuple_GET_SIZE(args) as usize;
        if given > positional {
            return Err(raise_type_error(&format!(
                "{function}() takes at most {positional} positional argument{} ({given} given)",
                if positional == 1 { "" } else { "s" },
            )));
        }
        for (index, slot) in found.iter_mut().enumerate().take(given) {
            *slot = Some(Obj::shared(ffi::PyTuple_GET_ITEM(args, index as isize)));
        }
        if !kwargs.is_null() {
            let (mut pos, mut key, mut value) = (0, std::ptr::null_mut(), std::ptr::null_mut());
            while ffi::PyDict_Next(kwargs, &mut pos, &mut key, &mut value) != 0 {
                match names.iter().position(|n| same_name(n, key)) {
                    Some(index) if found[index].is_none() => {
                        found[index] = Some(Obj::shared(value))
                    }
                    Some(index) => {
                        let shown = utf8(names[index])?;
                        return Err(raise_type_error(&format!(
                            "argument for {function}() given by name ('{shown}') and position ({})",
                            index + 1
                        )));
                    }
                    None => {
                        let shown = utf8(Obj::from_ref(&key))?;
                        return Err(raise_type_error(&format!(
                            "{function}() got an unexpected keyword argument '{shown}'"
                        )));
                    }
                }
            }
        }
    }
    for (index, value) in found.iter().enumerate().take(required) {
        if value.is_none() {
            let shown = utf8(names[index])?;
            return Err(raise_type_error(&format!(
                "{function}() missing required argument '{shown}' (pos {})",
                index + 1
            )));
        }
    }
    Ok(found)
}

/// For setters: deleting is an error.
pub fn not_deletable(value: *mut ffi::PyObject, what: &str) -> Res<()> {
    if value.is_null() {
        // SAFETY: a static exception type.
        return Err(crate::ffi::raise(
            unsafe { ffi::PyExc_AttributeError },
            &format!("cannot delete {what}"),
        ));
    }
    Ok(())
}

impl From<Raised> for i32 {
    fn from(_: Raised) -> i32 {
        -1
    }
}
