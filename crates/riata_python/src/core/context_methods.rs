//! `__aenter__` and `__aexit__` without an object for each use.
//!
//! Up to 3.13 `async with` asks the type's attribute for a bound method, twice, and a builtin's is a new object each time: half of
//! what an uncontended lock costs. So there the attribute is a descriptor of ours, which hands out a callable that lies inside the
//! owner. It holds a reference to its owner while somebody holds it, and the collector knows of it: a frame that is suspended in
//! the body holds the one of `__aexit__`. From 3.14 on `async with` makes no bound methods.
#![expect(unsafe_code, reason = "raw CPython types, see core/mod.rs")]

#[cfg(not(Py_3_14))]
pub use embedded::{Place, add};
#[cfg(Py_3_14)]
pub use plain::{Place, add};

use super::args::Args;
use crate::ffi::{Obj, Res};

/// A type whose objects have the two methods.
pub trait Owner: Sized {
    #[cfg_attr(Py_3_14, expect(dead_code, reason = "the descriptor checks the type"))]
    fn is(object: &Obj) -> bool;
    /// The caller knows that the object is one.
    fn of(object: &Obj) -> &Self;
    #[cfg_attr(Py_3_14, expect(dead_code, reason = "nothing is handed out"))]
    fn place(&self) -> &Place;
    fn enter(this: &Obj, owner: &Self) -> Res;
    fn exit(this: &Obj, owner: &Self, args: Args<'_>) -> Res;
}

#[cfg(Py_3_14)]
mod plain {
    use pyo3::ffi;

    use super::{Args, Obj, Owner, Res};
    use crate::core::typespec::{add_to, fastcall, noargs};
    use crate::ffi::give;

    #[derive(Default)]
    pub struct Place;

    unsafe extern "C" fn enter<T: Owner>(
        object: *mut ffi::PyObject,
        _: *mut ffi::PyObject,
    ) -> *mut ffi::PyObject {
        // SAFETY: the descriptor has checked the type of the receiver.
        let this = unsafe { Obj::from_ref(&object) };
        give(T::enter(this, T::of(this)))
    }

    unsafe extern "C" fn exit<T: Owner>(
        object: *mut ffi::PyObject,
        args: *const *mut ffi::PyObject,
        nargs: ffi::Py_ssize_t,
        names: *mut ffi::PyObject,
    ) -> *mut ffi::PyObject {
        // SAFETY: the descriptor has checked the type of the receiver; the arguments of a fastcall.
        let (this, args) = unsafe {
            (
                Obj::from_ref(&object),
                Args::new("__aexit__", args, nargs, names),
            )
        };
        give(T::exit(this, T::of(this), args))
    }

    pub fn add<T: Owner>(class: &Obj) -> Res<()> {
        add_to(
            class,
            [
                noargs(c"__aenter__", enter::<T>, c""),
                fastcall(c"__aexit__", exit::<T>, c""),
            ],
        )
    }
}

#[cfg(not(Py_3_14))]
mod embedded {
    use std::cell::{Cell, UnsafeCell};
    use std::ffi::{CStr, c_void};

    use pyo3::ffi;

    use super::{Args, Obj, Owner, Res};
    use crate::core::entry::visit_all;
    use crate::core::freelist::revive;
    use crate::core::typespec::TypeSpec;
    use crate::ffi::{check, give, raise_type_error};
    use crate::state::state;

    /// Room for the two callables in an owner.
    #[derive(Default)]
    pub struct Place {
        enter: Embedded,
        exit: Embedded,
    }

    /// A callable inside its owner. Without references it is no object at all; the first one makes it one, which holds the
    /// owner, and the last one gives that back.
    #[repr(C)]
    struct Embedded {
        /// What the collector has before each object that it may know: two words, zero while it does not know this one.
        head: Cell<[usize; 2]>,
        object: Callable,
    }

    #[repr(C)]
    struct Callable {
        base: UnsafeCell<ffi::PyObject>,
        call: Cell<Option<ffi::vectorcallfunc>>,
        /// Owned while there are references to the callable.
        owner: Cell<*mut ffi::PyObject>,
    }

    impl Default for Embedded {
        fn default() -> Embedded {
            // SAFETY: all-zero is no object, no function and null.
            unsafe { std::mem::zeroed() }
        }
    }

    impl Embedded {
        fn hand_out(
            &self,
            owner: &Obj,
            call: ffi::vectorcallfunc,
            stays: bool,
        ) -> *mut ffi::PyObject {
            let callable = &self.object;
            let this = callable.base.get();
            // SAFETY: the owner does not move and outlives the callable, which holds it. Nobody refers to it while it has no
            // owner, so it may be made anew. Its type lives for ever, so that it needs no reference to it. It is tracked with
            // its owner set, and its head is before it.
            unsafe {
                if callable.owner.get().is_null() {
                    callable.owner.set(owner.clone().into_ptr());
                    callable.call.set(Some(call));
                    (*this).ob_type = state().embedded_type;
                    revive(this);
                    if stays {
                        ffi::PyObject_GC_Track(this.cast());
                    }
                } else {
                    ffi::Py_INCREF(this);
                }
            }
            this
        }
    }

    /// The attribute of the class.
    #[repr(C)]
    struct Descriptor {
        base: ffi::PyObject,
        call: Cell<Option<ffi::vectorcallfunc>>,
        get: Cell<Option<ffi::descrgetfunc>>,
    }

    pub fn make_embedded_type() -> Res<*mut ffi::PyTypeObject> {
        TypeSpec {
            name: c"riata._riata.BoundMethod",
            size: size_of::<Callable>(),
            flags: u64::from(
                ffi::Py_TPFLAGS_HAVE_VECTORCALL as u32
                    | ffi::Py_TPFLAGS_HAVE_GC as u32
                    | ffi::Py_TPFLAGS_DISALLOW_INSTANTIATION as u32,
            ),
            base: std::ptr::null_mut(),
            slots: vec![
                (ffi::Py_tp_dealloc, dealloc as *mut c_void),
                (ffi::Py_tp_traverse, traverse_callable as *mut c_void),
                (ffi::Py_tp_call, ffi::PyVectorcall_Call as *mut c_void),
            ],
            methods: vec![],
            getsets: vec![],
            members: vec![crate::core::typespec::offset_member(
                c"__vectorcalloffset__",
                std::mem::offset_of!(Callable, call),
            )],
        }
        .build()
    }

    pub fn make_descriptor_type() -> Res<*mut ffi::PyTypeObject> {
        TypeSpec {
            name: c"riata._riata.MethodDescriptor",
            size: size_of::<Descriptor>(),
            flags: u64::from(
                ffi::Py_TPFLAGS_HAVE_VECTORCALL as u32
                    | ffi::Py_TPFLAGS_HAVE_GC as u32
                    | ffi::Py_TPFLAGS_DISALLOW_INSTANTIATION as u32,
            ),
            base: std::ptr::null_mut(),
            slots: vec![
                (ffi::Py_tp_descr_get, get as *mut c_void),
                (ffi::Py_tp_traverse, traverse as *mut c_void),
                (ffi::Py_tp_call, ffi::PyVectorcall_Call as *mut c_void),
            ],
            methods: vec![],
            getsets: vec![],
            members: vec![crate::core::typespec::offset_member(
                c"__vectorcalloffset__",
                std::mem::offset_of!(Descriptor, call),
            )],
        }
        .build()
    }

    /// The last reference is gone: it is no object any more. Dropping the owner may free the memory that it lies in.
    unsafe extern "C" fn dealloc(object: *mut ffi::PyObject) {
        // SAFETY: a callable whose references are gone, inside an owner that it holds; one that is not tracked may be untracked.
        unsafe {
            ffi::PyObject_GC_UnTrack(object.cast());
            let owner = (*object.cast::<Callable>())
                .owner
                .replace(std::ptr::null_mut());
            ffi::Py_DECREF(owner);
        }
    }

    unsafe extern "C" fn traverse_callable(
        object: *mut ffi::PyObject,
        visit: ffi::visitproc,
        arg: *mut c_void,
    ) -> i32 {
        // SAFETY: CPython traverses a live callable, which holds its owner and not its type.
        unsafe {
            match (*object.cast::<Callable>()).owner.get() {
                owner if owner.is_null() => 0,
                owner => visit(owner, arg),
            }
        }
    }

    unsafe extern "C" fn traverse(
        object: *mut ffi::PyObject,
        visit: ffi::visitproc,
        arg: *mut c_void,
    ) -> i32 {
        // SAFETY: CPython traverses a live object, which holds its type only.
        unsafe { visit_all(object, [], visit, arg) }
    }

    unsafe extern "C" fn get(
        descriptor: *mut ffi::PyObject,
        object: *mut ffi::PyObject,
        class: *mut ffi::PyObject,
    ) -> *mut ffi::PyObject {
        // SAFETY: a live descriptor, whose function was set when it was made; `object` is null or live.
        unsafe {
            if object.is_null() {
                return Obj::shared(descriptor).into_ptr();
            }
            match (*descriptor.cast::<Descriptor>()).get.get() {
                Some(get) => get(descriptor, object, class),
                None => Obj::shared(descriptor).into_ptr(),
            }
        }
    }

    macro_rules! functions {
        ($get:ident, $bound:ident, $unbound:ident, $field:ident, $body:ident, $stays:expr) => {
            unsafe extern "C" fn $get<T: Owner>(
                descriptor: *mut ffi::PyObject,
                object: *mut ffi::PyObject,
                _: *mut ffi::PyObject,
            ) -> *mut ffi::PyObject {
                // SAFETY: live objects.
                let this = unsafe { Obj::from_ref(&object) };
                if !T::is(this) {
                    // SAFETY: a live descriptor.
                    return unsafe { Obj::shared(descriptor) }.into_ptr();
                }
                T::of(this)
                    .place()
                    .$field
                    .hand_out(this, $bound::<T>, $stays)
            }

            unsafe extern "C" fn $bound<T: Owner>(
                callable: *mut ffi::PyObject,
                args: *const *mut ffi::PyObject,
                nargsf: usize,
                names: *mut ffi::PyObject,
            ) -> *mut ffi::PyObject {
                // SAFETY: a callable that was handed out, and so has an owner; the arguments of a vectorcall.
                unsafe {
                    let owner = (*callable.cast::<Callable>()).owner.get();
                    let nargs = ffi::PyVectorcall_NARGS(nargsf);
                    let args = Args::new(stringify!($field), args, nargs, names);
                    give($body::<T>(Obj::from_ref(&owner), args))
                }
            }

            unsafe extern "C" fn $unbound<T: Owner>(
                _: *mut ffi::PyObject,
                args: *const *mut ffi::PyObject,
                nargsf: usize,
                names: *mut ffi::PyObject,
            ) -> *mut ffi::PyObject {
                // SAFETY: the arguments of a vectorcall, the first of which is looked at.
                unsafe {
                    let nargs = ffi::PyVectorcall_NARGS(nargsf);
                    let first = (nargs > 0).then(|| Obj::from_ref(&*args));
                    let Some(this) = first.filter(|this| T::is(this)) else {
                        raise_type_error("the method needs an object of its class");
                        return std::ptr::null_mut();
                    };
                    let args = Args::new(stringify!($field), args.add(1), nargs - 1, names);
                    give($body::<T>(this, args))
                }
            }
        };
    }

    fn enter<T: Owner>(this: &Obj, args: Args<'_>) -> Res {
        args.at_most(0, 0)?;
        T::enter(this, T::of(this))
    }

    fn exit<T: Owner>(this: &Obj, args: Args<'_>) -> Res {
        T::exit(this, T::of(this), args)
    }

    // `async with` calls the one at once, and keeps the other for as long as its body runs.
    functions!(get_enter, bound_enter, unbound_enter, enter, enter, false);
    functions!(get_exit, bound_exit, unbound_exit, exit, exit, true);

    pub fn add<T: Owner>(class: &Obj) -> Res<()> {
        add_one(class, c"__aenter__", unbound_enter::<T>, get_enter::<T>)?;
        add_one(class, c"__aexit__", unbound_exit::<T>, get_exit::<T>)
    }

    fn add_one(
        class: &Obj,
        name: &CStr,
        call: ffi::vectorcallfunc,
        get: ffi::descrgetfunc,
    ) -> Res<()> {
        // SAFETY: a fresh object of the type, whose fields are set before anybody sees it; the class is a live type.
        unsafe {
            let made = Obj::owned(ffi::PyType_GenericAlloc(state().descriptor_type, 0))?;
            let descriptor = &*made.as_ptr().cast::<Descriptor>();
            descriptor.call.set(Some(call));
            descriptor.get.set(Some(get));
            check(ffi::PyObject_SetAttrString(
                class.as_ptr(),
                name.as_ptr(),
                made.as_ptr(),
            ))
        }
    }
}

#[cfg(not(Py_3_14))]
pub use embedded::{make_descriptor_type, make_embedded_type};
