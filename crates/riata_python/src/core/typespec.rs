//! Making a heap type from a list of slots, methods, getters.
#![expect(unsafe_code, reason = "raw CPython types, see core/mod.rs")]

use std::ffi::{CStr, c_void};

use pyo3::ffi;

use crate::ffi::{Obj, Res, check};

pub type Getter = unsafe extern "C" fn(*mut ffi::PyObject, *mut c_void) -> *mut ffi::PyObject;
pub type Setter =
    unsafe extern "C" fn(*mut ffi::PyObject, *mut ffi::PyObject, *mut c_void) -> std::ffi::c_int;

pub fn noargs(name: &'static CStr, f: ffi::PyCFunction, doc: &'static CStr) -> ffi::PyMethodDef {
    ffi::PyMethodDef {
        ml_name: name.as_ptr(),
        ml_meth: ffi::PyMethodDefPointer { PyCFunction: f },
        ml_flags: ffi::METH_NOARGS,
        ml_doc: doc.as_ptr(),
    }
}

pub fn onearg(name: &'static CStr, f: ffi::PyCFunction, doc: &'static CStr) -> ffi::PyMethodDef {
    ffi::PyMethodDef {
        ml_flags: ffi::METH_O,
        ..noargs(name, f, doc)
    }
}

pub fn fastcall(
    name: &'static CStr,
    f: ffi::PyCFunctionFastWithKeywords,
    doc: &'static CStr,
) -> ffi::PyMethodDef {
    ffi::PyMethodDef {
        ml_name: name.as_ptr(),
        ml_meth: ffi::PyMethodDefPointer {
            PyCFunctionFastWithKeywords: f,
        },
        ml_flags: ffi::METH_FASTCALL | ffi::METH_KEYWORDS,
        ml_doc: doc.as_ptr(),
    }
}

/// As [`fastcall`], for a function that takes no keywords.
#[cfg(Py_3_14)]
pub fn fastcall_only(
    name: &'static CStr,
    f: ffi::PyCFunctionFast,
    doc: &'static CStr,
) -> ffi::PyMethodDef {
    ffi::PyMethodDef {
        ml_name: name.as_ptr(),
        ml_meth: ffi::PyMethodDefPointer { PyCFunctionFast: f },
        ml_flags: ffi::METH_FASTCALL,
        ml_doc: doc.as_ptr(),
    }
}

pub fn getter(name: &'static CStr, get: Getter) -> ffi::PyGetSetDef {
    ffi::PyGetSetDef {
        name: name.as_ptr(),
        get: Some(get),
        set: None,
        doc: std::ptr::null(),
        closure: std::ptr::null_mut(),
    }
}

pub fn getset(name: &'static CStr, get: Getter, set: Setter) -> ffi::PyGetSetDef {
    ffi::PyGetSetDef {
        set: Some(set),
        ..getter(name, get)
    }
}

/// Where an instance keeps its `__dict__` or its list of weak references.
pub fn offset_member(name: &'static CStr, offset: usize) -> ffi::PyMemberDef {
    ffi::PyMemberDef {
        name: name.as_ptr(),
        type_code: ffi::Py_T_PYSSIZET,
        offset: offset as isize,
        flags: ffi::Py_READONLY,
        doc: std::ptr::null(),
    }
}

/// Put methods on a class that exists. They become part of it and live as long as the process.
pub fn add_to(class: &Obj, methods: impl IntoIterator<Item = ffi::PyMethodDef>) -> Res<()> {
    for method in methods {
        let method = Box::leak(Box::new(method));
        // SAFETY: the definition is leaked; the class is a live type; the name is nul-terminated.
        unsafe {
            let descriptor = Obj::owned(ffi::PyDescr_NewMethod(class.as_ptr().cast(), method))?;
            check(ffi::PyObject_SetAttrString(
                class.as_ptr(),
                method.ml_name,
                descriptor.as_ptr(),
            ))?;
        }
    }
    Ok(())
}

/// The parts of a type; the vectors become part of the type and live as long as the process.
pub struct TypeSpec {
    pub name: &'static CStr,
    pub size: usize,
    pub flags: u64,
    pub base: *mut ffi::PyTypeObject,
    pub slots: Vec<(i32, *mut c_void)>,
    pub methods: Vec<ffi::PyMethodDef>,
    pub getsets: Vec<ffi::PyGetSetDef>,
    pub members: Vec<ffi::PyMemberDef>,
}

impl TypeSpec {
    /// Make the type. It is never freed.
    pub fn build(self) -> Res<*mut ffi::PyTypeObject> {
        let mut methods = self.methods;
        methods.push(ffi::PyMethodDef::zeroed());
        let mut getsets = self.getsets;
        getsets.push(ffi::PyGetSetDef {
            name: std::ptr::null(),
            get: None,
            set: None,
            doc: std::ptr::null(),
            closure: std::ptr::null_mut(),
        });
        let mut members = self.members;
        // SAFETY: all-zero is the end marker of a member table.
        members.push(unsafe { std::mem::zeroed() });
        let mut slots: Vec<ffi::PyType_Slot> = self
            .slots
            .into_iter()
            .chain([
                (ffi::Py_tp_methods, methods.leak().as_mut_ptr().cast()),
                (ffi::Py_tp_getset, getsets.leak().as_mut_ptr().cast()),
                (ffi::Py_tp_members, members.leak().as_mut_ptr().cast()),
                (0, std::ptr::null_mut()),
            ])
            .map(|(slot, pfunc)| ffi::PyType_Slot { slot, pfunc })
            .collect();
        let mut spec = ffi::PyType_Spec {
            name: self.name.as_ptr(),
            basicsize: self.size as i32,
            itemsize: 0,
            flags: (self.flags | ffi::Py_TPFLAGS_DEFAULT) as u32,
            slots: slots.as_mut_ptr(),
        };
        // SAFETY: the tables are leaked or copied by CPython, the slots have the signatures of their names.
        let made = unsafe {
            if self.base.is_null() {
                Obj::owned(ffi::PyType_FromSpec(&mut spec))
            } else {
                Obj::owned(ffi::PyType_FromSpecWithBases(&mut spec, self.base.cast()))
            }
        }?;
        Ok(made.into_ptr().cast())
    }
}
