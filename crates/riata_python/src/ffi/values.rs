//! Making Python values, and reading them.

use super::*;

pub fn string(text: &str) -> Res {
    // SAFETY: valid UTF-8 of that length.
    unsafe {
        Obj::owned(ffi::PyUnicode_FromStringAndSize(
            text.as_ptr().cast(),
            text.len() as isize,
        ))
    }
}

pub fn interned(text: &CStr) -> Res {
    // SAFETY: nul-terminated.
    unsafe { Obj::owned(ffi::PyUnicode_InternFromString(text.as_ptr())) }
}

pub fn float(value: f64) -> Res {
    // SAFETY: any double is fine.
    unsafe { Obj::owned(ffi::PyFloat_FromDouble(value)) }
}

pub fn int(value: i64) -> Res {
    // SAFETY: any integer is fine.
    unsafe { Obj::owned(ffi::PyLong_FromLongLong(value)) }
}

pub fn bytes(data: &[u8]) -> Res {
    // SAFETY: copies `data`.
    unsafe {
        Obj::owned(ffi::PyBytes_FromStringAndSize(
            data.as_ptr().cast(),
            data.len() as isize,
        ))
    }
}

pub fn tuple(items: &[*mut ffi::PyObject]) -> Res {
    // SAFETY: every item gets a reference of its own before the tuple is seen by anybody.
    unsafe {
        let tuple = Obj::owned(ffi::PyTuple_New(items.len() as isize))?;
        for (index, &item) in items.iter().enumerate() {
            ffi::Py_INCREF(item);
            ffi::PyTuple_SET_ITEM(tuple.as_ptr(), index as isize, item);
        }
        Ok(tuple)
    }
}

pub fn list(items: &[Obj]) -> Res {
    // SAFETY: every item gets a reference of its own before the list is seen by anybody.
    unsafe {
        let list = Obj::owned(ffi::PyList_New(items.len() as isize))?;
        for (index, item) in items.iter().enumerate() {
            ffi::PyList_SET_ITEM(list.as_ptr(), index as isize, item.clone().into_ptr());
        }
        Ok(list)
    }
}

pub fn list_append(list: &Obj, item: &Obj) -> Res<()> {
    // SAFETY: the callers have a list; a live object.
    check(unsafe { ffi::PyList_Append(list.as_ptr(), item.as_ptr()) })
}

pub fn list_items(list: &Obj) -> Vec<Obj> {
    // SAFETY: the callers have a list; each item is shared before anything can change it.
    unsafe {
        (0..ffi::PyList_GET_SIZE(list.as_ptr()))
            .map(|index| Obj::shared(ffi::PyList_GET_ITEM(list.as_ptr(), index)))
            .collect()
    }
}

/// A new set of what an iterable gives.
pub fn set_of(iterable: &Obj) -> Res {
    // SAFETY: any object may be asked; null means raised.
    unsafe { Obj::owned(ffi::PySet_New(iterable.as_ptr())) }
}

#[inline]
pub fn set_len(set: &Obj) -> usize {
    // SAFETY: the callers have a set.
    unsafe { ffi::PySet_Size(set.as_ptr()) as usize }
}

#[inline]
pub fn set_add(set: &Obj, item: &Obj) -> Res<()> {
    // SAFETY: the callers have a set; a live object.
    check(unsafe { ffi::PySet_Add(set.as_ptr(), item.as_ptr()) })
}

#[inline]
pub fn set_discard(set: &Obj, item: &Obj) -> Res<()> {
    // SAFETY: the callers have a set; a live object.
    check(unsafe { ffi::PySet_Discard(set.as_ptr(), item.as_ptr()) })
}

/// The items of a set, as they are now.
pub fn set_items(set: &Obj) -> Res<Vec<Obj>> {
    iterate(set)
}

/// All that an iterable gives.
pub fn iterate(iterable: &Obj) -> Res<Vec<Obj>> {
    Ok(list_items(&list_of(iterable)?))
}

#[inline]
pub fn list_len(list: &Obj) -> usize {
    // SAFETY: the callers have a list.
    unsafe { ffi::PyList_GET_SIZE(list.as_ptr()) as usize }
}

/// `list(iterable)`.
pub fn list_of(iterable: &Obj) -> Res {
    // SAFETY: a live object; null means raised.
    unsafe { Obj::owned(ffi::PySequence_List(iterable.as_ptr())) }
}

/// Whether the name of its type, with the module or without, ends so. Runs no Python code.
pub fn has_type_named(object: &Obj, name: &CStr) -> bool {
    // SAFETY: a live object has a type, whose name is a C string that lives as long.
    let whole = unsafe { CStr::from_ptr((*object.type_ptr()).tp_name) };
    whole.to_bytes().ends_with(name.to_bytes())
}

/// `type(object).__name__`.
pub fn type_name(object: &Obj) -> Res<String> {
    // SAFETY: a live object has a type, which is an object.
    let class = unsafe { Obj::shared(object.type_ptr().cast()) };
    utf8(&class.get(c"__name__")?)
}

/// The number of a float or an int, and of nothing that derives from them.
#[inline]
pub fn plain_number(value: &Obj) -> Option<f64> {
    // SAFETY: a live object; an int that is too large for a float sets an exception, which goes.
    unsafe {
        if ffi::PyFloat_CheckExact(value.as_ptr()) != 0 {
            return Some(ffi::PyFloat_AsDouble(value.as_ptr()));
        }
        if ffi::PyLong_CheckExact(value.as_ptr()) == 0 {
            return None;
        }
        let number = ffi::PyLong_AsDouble(value.as_ptr());
        if number == -1.0 && exception_is_set() {
            drop(take_exception());
            return None;
        }
        Some(number)
    }
}

/// `weakref.ref(object)`.
pub fn weak_reference(object: &Obj) -> Res {
    // SAFETY: a live object; null means that it has none.
    unsafe { Obj::owned(ffi::PyWeakref_NewRef(object.as_ptr(), ptr::null_mut())) }
}

/// What `object.__repr__` says.
pub fn plain_repr(object: &Obj) -> Res<String> {
    // SAFETY: a live object, and the slot of a static type.
    unsafe {
        match ffi::PyBaseObject_Type.tp_repr {
            Some(plain) => utf8(&Obj::owned(plain(object.as_ptr()))?),
            None => repr(object),
        }
    }
}

pub fn set() -> Res {
    // SAFETY: null makes an empty set; null in return means raised.
    unsafe { Obj::owned(ffi::PySet_New(ptr::null_mut())) }
}

#[cfg(Py_3_14)]
pub fn frozenset(items: &[Obj]) -> Res {
    let pointers: Vec<_> = items.iter().map(Obj::as_ptr).collect();
    // SAFETY: a tuple can be iterated over; null means raised.
    unsafe { Obj::owned(ffi::PyFrozenSet_New(tuple(&pointers)?.as_ptr())) }
}

pub fn dict() -> Res {
    // SAFETY: null means raised.
    unsafe { Obj::owned(ffi::PyDict_New()) }
}

pub fn dict_set(dict: &Obj, key: &Obj, value: &Obj) -> Res<()> {
    // SAFETY: a dict and live objects.
    check(unsafe { ffi::PyDict_SetItem(dict.as_ptr(), key.as_ptr(), value.as_ptr()) })
}

pub fn dict_delete(dict: &Obj, key: &Obj) -> Res<()> {
    // SAFETY: a dict and a live object.
    check(unsafe { ffi::PyDict_DelItem(dict.as_ptr(), key.as_ptr()) })
}

/// Text of `repr(value)`; errors of `__repr__` are passed on.
pub fn repr(value: &Obj) -> Res<String> {
    // SAFETY: a live object.
    let text = unsafe { Obj::owned(ffi::PyObject_Repr(value.as_ptr()))? };
    utf8(&text)
}

pub fn utf8(text: &Obj) -> Res<String> {
    let mut size = 0;
    // SAFETY: the buffer belongs to the string, which is alive; the length is what CPython wrote.
    unsafe {
        let data = ffi::PyUnicode_AsUTF8AndSize(text.as_ptr(), &mut size);
        if data.is_null() {
            return Err(Raised);
        }
        let slice = std::slice::from_raw_parts(data.cast::<u8>(), size as usize);
        Ok(String::from_utf8_lossy(slice).into_owned())
    }
}

/// A number as `float()` takes it.
pub fn to_double(value: &Obj) -> Res<f64> {
    // SAFETY: a live object.
    let number = unsafe { ffi::PyFloat_AsDouble(value.as_ptr()) };
    if number == -1.0 && exception_is_set() {
        Err(Raised)
    } else {
        Ok(number)
    }
}

pub fn import(module: &CStr) -> Res {
    // SAFETY: nul-terminated.
    unsafe { Obj::owned(ffi::PyImport_ImportModule(module.as_ptr())) }
}

/// `function(argument, **keywords)`.
pub fn call_with(function: &Obj, argument: &Obj, keywords: &Obj) -> Res {
    let args = tuple(&[argument.as_ptr()])?;
    // SAFETY: a live callable, a tuple and a dict; null means raised.
    unsafe {
        Obj::owned(ffi::PyObject_Call(
            function.as_ptr(),
            args.as_ptr(),
            keywords.as_ptr(),
        ))
    }
}

/// The Python function that has called us, and the instruction it is at; on 3.10, which does not tell, the line.
#[inline]
pub fn calling_site() -> Option<(Obj, i32)> {
    // SAFETY: the frame is borrowed and lives while it has called us; its code is a new reference.
    unsafe {
        let frame = ffi::PyEval_GetFrame();
        if frame.is_null() {
            return None;
        }
        let code = Obj::owned(ffi::PyFrame_GetCode(frame).cast()).ok()?;
        #[cfg(Py_3_11)]
        let at = ffi::PyFrame_GetLasti(frame);
        #[cfg(not(Py_3_11))]
        let at = ffi::PyFrame_GetLineNumber(frame);
        Some((code, at))
    }
}

/// What `calling_site` has given, as a pair of code and line.
pub fn shown_site(code: &Obj, at: i32) -> Res {
    #[cfg(Py_3_11)]
    // SAFETY: a code object, and the place of an instruction in it.
    let line = unsafe { ffi::PyCode_Addr2Line(code.as_ptr().cast(), at) };
    #[cfg(not(Py_3_11))]
    let line = at;
    tuple(&[code.as_ptr(), int(line.into())?.as_ptr()])
}
