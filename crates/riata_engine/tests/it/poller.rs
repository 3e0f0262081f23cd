//! The surprises of descriptors: duplicates, forks, signals, and files that cannot be watched.

use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::os::fd::{AsRawFd, IntoRawFd};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use riata_engine::{Driver, Interest, KernelDriver, Readiness, SocketId, Wait};

/// These tests open and close descriptors by number and fork, so they run one by one.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner())
}

fn id(file: &impl AsRawFd) -> SocketId {
    SocketId(file.as_raw_fd() as u32)
}

fn poll(driver: &mut KernelDriver) -> Vec<(SocketId, Readiness)> {
    driver.wait(Wait::Poll).unwrap();
    driver.events().collect()
}

/// Whether a wait with a deadline sleeps until then.
fn sleeps(driver: &mut KernelDriver) -> bool {
    let when = driver.now() + 0.005;
    driver.wait(Wait::Until(when)).unwrap();
    driver.has_reached(when)
}

#[test]
fn a_regular_file_is_refused() {
    let _alone = alone();
    let mut driver = KernelDriver::new().unwrap();
    let file = File::open("Cargo.toml").unwrap();
    let error = driver.register(id(&file), Interest::READABLE).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    driver.deregister(id(&file)).unwrap();
}

#[test]
fn pipes_and_terminals_are_watched_like_sockets() {
    let _alone = alone();
    let mut driver = KernelDriver::new().unwrap();
    let (reader, mut writer) = std::io::pipe().unwrap();
    driver.register(id(&reader), Interest::READABLE).unwrap();
    driver.register(id(&writer), Interest::WRITABLE).unwrap();
    assert_eq!(poll(&mut driver), [(id(&writer), Readiness::WRITABLE)]);
    writer.write_all(b"x").unwrap();
    assert_eq!(poll(&mut driver).len(), 2);
    // The reader goes: an error on the writer, which counts as both.
    let reader_id = id(&reader);
    drop(reader);
    assert_eq!(poll(&mut driver), [(id(&writer), Readiness::BOTH)]);
    driver.deregister(reader_id).unwrap();
}

/// The descriptor is closed while a duplicate keeps its file open: epoll goes on reporting a number that is gone.
#[test]
fn a_duplicate_of_a_closed_descriptor_does_not_spin_the_loop() {
    let _alone = alone();
    let mut driver = KernelDriver::new().unwrap();
    let (near, mut far) = UnixStream::pair().unwrap();
    let (live, mut live_far) = UnixStream::pair().unwrap();
    driver.register(id(&live), Interest::READABLE).unwrap();
    driver.register(id(&near), Interest::READABLE).unwrap();
    let duplicate = near.try_clone().unwrap();
    far.write_all(b"x").unwrap();
    let number = id(&near);
    assert_eq!(poll(&mut driver), [(number, Readiness::READABLE)]);
    driver.close(SocketId(near.into_raw_fd() as u32)).unwrap();

    // Nobody is told of the closed one, and after some waits the loop sleeps again.
    let slept = (0..100).any(|_| {
        let slept = sleeps(&mut driver);
        assert_eq!(driver.events().count(), 0);
        slept
    });
    assert!(slept, "the loop spins");

    // What was watched still is, and so are wakes.
    live_far.write_all(b"x").unwrap();
    assert_eq!(poll(&mut driver), [(id(&live), Readiness::READABLE)]);
    driver.deregister(id(&live)).unwrap();
    driver.waker().wake();
    driver.wait(Wait::Forever).unwrap();
    drop(duplicate);
}

/// As above, and the number is in use again, for a file that is watched.
#[test]
fn an_old_event_is_not_taken_for_a_new_one() {
    let _alone = alone();
    let mut driver = KernelDriver::new().unwrap();
    let (near, mut far) = UnixStream::pair().unwrap();
    let duplicate = near.try_clone().unwrap();
    driver.register(id(&near), Interest::READABLE).unwrap();
    far.write_all(b"x").unwrap();
    let number = id(&near);
    drop(near);
    // Closed without a word to the driver, and used again at once.
    let (quiet, _quiet_far) = UnixStream::pair().unwrap();
    assert_eq!(id(&quiet), number, "the lowest free number is given out");
    driver.modify(number, Interest::READABLE).unwrap();
    for _ in 0..100 {
        assert_eq!(poll(&mut driver), []);
    }
    assert!(sleeps(&mut driver), "the loop spins");
    drop(duplicate);
}

#[test]
fn a_descriptor_the_driver_forgot_can_be_registered_again() {
    let _alone = alone();
    let mut driver = KernelDriver::new().unwrap();
    let (near, mut far) = UnixStream::pair().unwrap();
    driver.register(id(&near), Interest::WRITABLE).unwrap();
    // The driver believes that an adopted descriptor is new; the kernel knows better (EEXIST).
    driver.adopt(near.as_raw_fd()).unwrap();
    driver.register(id(&near), Interest::READABLE).unwrap();
    assert_eq!(poll(&mut driver), []);
    far.write_all(b"x").unwrap();
    assert_eq!(poll(&mut driver), [(id(&near), Readiness::READABLE)]);
}

#[test]
fn an_adopted_descriptor_does_not_block() {
    let _alone = alone();
    let mut driver = KernelDriver::new().unwrap();
    let (mut near, _far) = UnixStream::pair().unwrap();
    let adopted = driver.adopt(near.as_raw_fd()).unwrap();
    assert_eq!(driver.as_raw_fd(adopted), Some(near.as_raw_fd()));
    let error = near.read(&mut [0; 1]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WouldBlock);
}

#[test]
fn new_sockets_are_closed_on_exec_and_do_not_block() {
    use riata_engine::{Domain, Kind, SocketAddr};
    let _alone = alone();
    let mut driver = KernelDriver::new().unwrap();
    let listener = driver.socket(Domain::V4, Kind::Stream).unwrap();
    driver.bind(listener, &SocketAddr::loopback(0)).unwrap();
    driver.listen(listener, 1).unwrap();
    let addr = driver.getsockname(listener).unwrap();
    let client = driver.socket(Domain::V4, Kind::Stream).unwrap();
    driver.connect(client, &addr).unwrap();
    driver.register(listener, Interest::READABLE).unwrap();
    driver.wait(Wait::Forever).unwrap();
    let (server, _) = driver.accept(listener).unwrap();
    for socket in [listener, client, server] {
        let fd = socket.0 as i32;
        // SAFETY: fcntl with these commands takes numbers only.
        let (on_exec, flags) = unsafe {
            (
                libc::fcntl(fd, libc::F_GETFD),
                libc::fcntl(fd, libc::F_GETFL),
            )
        };
        assert_eq!(on_exec & libc::FD_CLOEXEC, libc::FD_CLOEXEC);
        assert_eq!(flags & libc::O_NONBLOCK, libc::O_NONBLOCK);
        driver.close(socket).unwrap();
    }
}

#[test]
fn datagrams_come_with_their_sender() {
    use riata_engine::{Domain, Kind, SocketAddr};
    let _alone = alone();
    let mut driver = KernelDriver::new().unwrap();
    let mut bound = || {
        let socket = driver.socket(Domain::V4, Kind::Datagram).unwrap();
        driver.bind(socket, &SocketAddr::loopback(0)).unwrap();
        (socket, driver.getsockname(socket).unwrap())
    };
    let ((near, near_addr), (far, far_addr)) = (bound(), bound());
    assert_eq!(driver.send_to(near, b"hello", &far_addr).unwrap(), 5);
    driver.register(far, Interest::READABLE).unwrap();
    driver.wait(Wait::Forever).unwrap();
    let mut buffer = [0; 16];
    assert_eq!(driver.recv_from(far, &mut buffer).unwrap(), (5, near_addr));
    driver.close(near).unwrap();
    driver.close(far).unwrap();
}

/// Forks; panics here if `child` panics there.
fn in_a_child(child: impl FnOnce()) {
    // SAFETY: the child only makes system calls and a few small allocations, which glibc allows after a fork, and
    // leaves by `_exit`.
    let pid = unsafe { libc::fork() };
    if pid == 0 {
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(child));
        // SAFETY: _exit takes a number and does not return.
        unsafe { libc::_exit(result.is_err().into()) };
    }
    let mut status = -1;
    // SAFETY: `status` is a valid int to write to.
    let waited = unsafe { libc::waitpid(pid, &mut status, 0) };
    assert_eq!((waited, status), (pid, 0), "the child failed");
}

/// A child that uses the driver it inherited has one of its own, and does its parent no harm.
#[test]
fn a_forked_child_leaves_its_parent_alone() {
    let _alone = alone();
    let mut driver = KernelDriver::new().unwrap();
    let (near, mut far) = UnixStream::pair().unwrap();
    driver.register(id(&near), Interest::READABLE).unwrap();
    in_a_child(|| {
        // It inherits what was watched, and can stop watching it.
        assert_eq!(poll(&mut driver), []);
        far.write_all(b"x").unwrap();
        assert_eq!(poll(&mut driver), [(id(&near), Readiness::READABLE)]);
        driver.deregister(id(&near)).unwrap();
        assert_eq!(poll(&mut driver), []);
    });
    assert_eq!(poll(&mut driver), [(id(&near), Readiness::READABLE)]);
}

#[test]
fn a_wake_in_a_forked_child_is_not_its_parents() {
    let _alone = alone();
    let mut driver = KernelDriver::new().unwrap();
    let waker = driver.waker();
    in_a_child(|| {
        driver.wait(Wait::Poll).unwrap();
        waker.wake();
        driver.wait(Wait::Forever).unwrap();
        waker.wake();
    });
    assert!(sleeps(&mut driver), "the child's wake came here");
    waker.wake();
    driver.wait(Wait::Forever).unwrap();
}

/// Rust programs ignore SIGPIPE from the start; the programs that a binding serves may not.
#[test]
fn a_broken_pipe_is_an_error_and_not_a_signal() {
    let _alone = alone();
    let mut driver = KernelDriver::new().unwrap();
    let (near, far) = UnixStream::pair().unwrap();
    drop(far);
    // SAFETY: to set a signal to its default is always allowed; the other tests here wait for this one.
    let before = unsafe { libc::signal(libc::SIGPIPE, libc::SIG_DFL) };
    let sent = driver.send(id(&near), b"x");
    let sent_vectored = driver.send_vectored(id(&near), &[std::io::IoSlice::new(b"x")]);
    // SAFETY: `before` is what the same call returned.
    unsafe { libc::signal(libc::SIGPIPE, before) };
    assert_eq!(sent.unwrap_err().kind(), ErrorKind::BrokenPipe);
    assert_eq!(sent_vectored.unwrap_err().kind(), ErrorKind::BrokenPipe);
}

#[test]
fn a_signal_interrupts_a_wait_and_nothing_else() {
    static DONE: AtomicBool = AtomicBool::new(false);
    extern "C" fn handle(_signal: libc::c_int) {}
    let _alone = alone();
    let mut driver = KernelDriver::new().unwrap();
    let handler: extern "C" fn(libc::c_int) = handle;
    // SAFETY: a zeroed sigaction with a handler is valid, and the handler does nothing.
    let this_thread = unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = handler as libc::sighandler_t;
        assert_eq!(
            libc::sigaction(libc::SIGUSR1, &action, std::ptr::null_mut()),
            0
        );
        libc::pthread_self()
    };
    let thread = std::thread::spawn(move || {
        while !DONE.load(Ordering::SeqCst) {
            std::thread::sleep(Duration::from_millis(5));
            // SAFETY: the thread it names is waiting for this one, and so alive.
            unsafe { libc::pthread_kill(this_thread, libc::SIGUSR1) };
        }
    });
    // A signal before the wait does not interrupt it; so they keep coming.
    let error = driver.wait(Wait::Forever).unwrap_err();
    DONE.store(true, Ordering::SeqCst);
    assert_eq!(error.kind(), ErrorKind::Interrupted);
    assert_eq!(driver.events().count(), 0);
    thread.join().unwrap();
}

#[test]
fn dropping_a_driver_closes_what_it_opened() {
    let _alone = alone();
    let open = || std::fs::read_dir("/proc/self/fd").unwrap().count();
    drop(KernelDriver::new().unwrap());
    let before = open();
    for _ in 0..100 {
        let driver = KernelDriver::new().unwrap();
        let waker = driver.waker();
        drop(driver);
        waker.wake();
    }
    assert!(open() < before + 50, "other tests' threads may hold a few");
}
