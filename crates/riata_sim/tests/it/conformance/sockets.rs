//! Sockets: connecting, sending, receiving, closing.

use super::*;

on_every_driver! {
    addresses_agree_at_both_ends
    a_stream_carries_bytes_both_ways
    nothing_to_receive_would_block
    nothing_to_accept_would_block
    connections_are_accepted_in_order
    a_refused_connection_says_so
    a_missing_unix_socket_says_so
    an_address_is_bound_once
    half_a_connection_can_be_closed
    a_slow_reader_holds_the_writer_back
    buffers_are_sent_in_order
    unread_data_makes_a_close_a_reset
    sending_to_a_closed_peer_breaks_the_pipe
    options_are_kept
    numeric_names_are_resolved
}

fn addresses_agree_at_both_ends(mut driver: impl Driver) {
    let (client, server) = connected(&mut driver);
    let client_addr = driver.getsockname(client).unwrap();
    let server_addr = driver.getsockname(server).unwrap();
    assert_ne!(client_addr, server_addr);
    assert_ne!(client_addr.port(), Some(0));
    assert_eq!(driver.getpeername(client).unwrap(), server_addr);
    assert_eq!(driver.getpeername(server).unwrap(), client_addr);

    let (client, server) = connected_unix(&mut driver, "addresses");
    let unnamed = SocketAddr::Unix(UnixAddr::Unnamed);
    assert_eq!(driver.getsockname(client).unwrap(), unnamed);
    assert_eq!(driver.getpeername(server).unwrap(), unnamed);
    assert_eq!(driver.getpeername(client).unwrap(), unix_addr("addresses"));

    let fresh = driver.socket(Domain::V4, Kind::Stream).unwrap();
    assert_eq!(kind(driver.getpeername(fresh)), ErrorKind::NotConnected);
}

fn a_stream_carries_bytes_both_ways(mut driver: impl Driver) {
    let tcp = connected(&mut driver);
    let unix = connected_unix(&mut driver, "bytes");
    for (client, server) in [tcp, unix] {
        assert_eq!(driver.send(client, b"question").unwrap(), 8);
        assert_eq!(recv_all(&mut driver, server, 8), b"question");
        assert_eq!(driver.send(server, b"answer").unwrap(), 6);
        assert_eq!(recv_all(&mut driver, client, 6), b"answer");
        driver.close(client).unwrap();
        driver.close(server).unwrap();
    }
}

fn nothing_to_receive_would_block(mut driver: impl Driver) {
    let (client, _server) = connected(&mut driver);
    assert_eq!(
        kind(driver.recv(client, &mut [0; 8])),
        ErrorKind::WouldBlock
    );
}

fn nothing_to_accept_would_block(mut driver: impl Driver) {
    let (listener, _) = listen(&mut driver, &SocketAddr::loopback(0));
    assert_eq!(kind(driver.accept(listener)), ErrorKind::WouldBlock);
}

fn connections_are_accepted_in_order(mut driver: impl Driver) {
    let (listener, addr) = listen(&mut driver, &SocketAddr::loopback(0));
    let mut clients = Vec::new();
    for _ in 0..3 {
        let client = driver.socket(Domain::V4, Kind::Stream).unwrap();
        driver.connect(client, &addr).unwrap();
        wait_for(&mut driver, client, Interest::WRITABLE);
        clients.push(driver.getsockname(client).unwrap());
    }
    for client in clients {
        let (server, peer) = driver.accept(listener).unwrap();
        assert_eq!(peer, client);
        assert_eq!(driver.getpeername(server).unwrap(), client);
    }
}

fn a_refused_connection_says_so(mut driver: impl Driver) {
    let (listener, addr) = listen(&mut driver, &SocketAddr::loopback(0));
    driver.close(listener).unwrap();
    let client = driver.socket(Domain::V4, Kind::Stream).unwrap();
    let error = match driver.connect(client, &addr) {
        Ok(Connection::InProgress) => {
            wait_for(&mut driver, client, Interest::WRITABLE);
            driver.take_error(client).unwrap().expect("an error waits")
        }
        Ok(Connection::Established) => panic!("nobody is there"),
        Err(error) => error,
    };
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    assert!(
        driver.take_error(client).unwrap().is_none(),
        "it is taken once"
    );
}

fn a_missing_unix_socket_says_so(mut driver: impl Driver) {
    let client = driver.socket(Domain::Unix, Kind::Stream).unwrap();
    let missing = SocketAddr::unix("/nonexistent/riata.sock");
    assert_eq!(kind(driver.connect(client, &missing)), ErrorKind::NotFound);
}

fn an_address_is_bound_once(mut driver: impl Driver) {
    let (listener, addr) = listen(&mut driver, &SocketAddr::loopback(0));
    let other = driver.socket(Domain::V4, Kind::Stream).unwrap();
    assert_eq!(kind(driver.bind(other, &addr)), ErrorKind::AddrInUse);
    driver.close(listener).unwrap();
    driver.bind(other, &addr).unwrap();
}

fn half_a_connection_can_be_closed(mut driver: impl Driver) {
    let tcp = connected(&mut driver);
    let unix = connected_unix(&mut driver, "half");
    for (client, server) in [tcp, unix] {
        driver.send(client, b"last words").unwrap();
        driver.shutdown(client, Shutdown::Write).unwrap();
        assert_eq!(kind(driver.send(client, b"more")), ErrorKind::BrokenPipe);

        assert_eq!(recv_all(&mut driver, server, 100), b"last words");
        assert_eq!(
            driver.recv(server, &mut [0; 8]).unwrap(),
            0,
            "it stays over"
        );

        // The other half goes on.
        assert_eq!(driver.send(server, b"reply").unwrap(), 5);
        assert_eq!(recv_all(&mut driver, client, 5), b"reply");
        driver.close(server).unwrap();
        assert_eq!(recv_all(&mut driver, client, 1), b"");
    }
}

fn a_slow_reader_holds_the_writer_back(mut driver: impl Driver) {
    let tcp = connected(&mut driver);
    let unix = connected_unix(&mut driver, "slow");
    for (client, server) in [tcp, unix] {
        let data: Vec<u8> = (0..20_000_000u32)
            .map(|index| (index % 251) as u8)
            .collect();
        let mut sent = 0;
        loop {
            match driver.send(client, &data[sent..]) {
                Ok(count) => sent += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => panic!("{error}"),
            }
            assert!(sent < data.len(), "no limit was met");
        }
        driver.register(client, Interest::WRITABLE).unwrap();
        assert_eq!(poll(&mut driver), [], "full, so not writable");

        let mut received: Vec<u8> = Vec::new();
        driver.register(server, Interest::READABLE).unwrap();
        let mut buffer = vec![0; 100_000];
        while received.len() < data.len() {
            driver.wait(Wait::Until(driver.now() + LONG)).unwrap();
            let events: Vec<_> = driver.events().collect();
            assert!(!events.is_empty(), "one of the two can always go on");
            for (id, _) in events {
                let done = if id == server {
                    driver.recv(server, &mut buffer).map(|count| {
                        received.extend(&buffer[..count]);
                    })
                } else {
                    driver.send(client, &data[sent..]).map(|count| {
                        sent += count;
                    })
                };
                match done {
                    Err(error) if error.kind() != ErrorKind::WouldBlock => panic!("{error}"),
                    _ => {}
                }
                if sent == data.len() {
                    driver.deregister(client).unwrap();
                }
            }
        }
        assert!(received == data, "the same bytes, in order");
        driver.close(server).unwrap();
        driver.close(client).unwrap();
    }
}

fn buffers_are_sent_in_order(mut driver: impl Driver) {
    let (client, server) = connected(&mut driver);
    let buffers = [&b"one "[..], b"", b"two ", b"three"].map(IoSlice::new);
    assert_eq!(driver.send_vectored(client, &buffers).unwrap(), 13);
    assert_eq!(recv_all(&mut driver, server, 13), b"one two three");
    // More than the kernel takes in one call: a part is taken, and that is no error.
    let many = vec![IoSlice::new(b"x"); 3000];
    let count = driver.send_vectored(client, &many).unwrap();
    assert!((1024..=3000).contains(&count), "{count}");
    assert_eq!(recv_all(&mut driver, server, count).len(), count);
}

fn unread_data_makes_a_close_a_reset(mut driver: impl Driver) {
    let tcp = connected(&mut driver);
    let unix = connected_unix(&mut driver, "reset");
    for (client, server) in [tcp, unix] {
        driver.send(client, b"nobody reads this").unwrap();
        wait_for(&mut driver, server, Interest::READABLE);
        driver.close(server).unwrap();
        assert_eq!(
            wait_for(&mut driver, client, Interest::BOTH),
            Readiness::BOTH
        );
        assert_eq!(
            kind(driver.recv(client, &mut [0; 8])),
            ErrorKind::ConnectionReset
        );
        assert_eq!(driver.recv(client, &mut [0; 8]).unwrap(), 0, "said once");
        assert_eq!(kind(driver.send(client, b"more")), ErrorKind::BrokenPipe);
    }
}

fn sending_to_a_closed_peer_breaks_the_pipe(mut driver: impl Driver) {
    let tcp = connected(&mut driver);
    let unix = connected_unix(&mut driver, "broken");
    for (client, server) in [tcp, unix] {
        driver.close(server).unwrap();
        assert_eq!(recv_all(&mut driver, client, 1), b"");
        // Over the internet the first send may succeed: the peer's answer is what breaks the pipe.
        let error = (0..1000).find_map(|_| driver.send(client, b"hello?").err());
        assert_eq!(error.unwrap().kind(), ErrorKind::BrokenPipe);
    }
}

fn options_are_kept(mut driver: impl Driver) {
    let (client, _server) = connected(&mut driver);
    let one = 1i32.to_ne_bytes();
    let mut value = [0; 4];
    driver
        .setsockopt(client, libc::IPPROTO_TCP, libc::TCP_NODELAY, &one)
        .unwrap();
    let len = driver
        .getsockopt(client, libc::IPPROTO_TCP, libc::TCP_NODELAY, &mut value)
        .unwrap();
    assert_eq!((len, value), (4, one));
    driver
        .getsockopt(client, libc::SOL_SOCKET, libc::SO_TYPE, &mut value)
        .unwrap();
    assert_eq!(i32::from_ne_bytes(value), libc::SOCK_STREAM);
    driver
        .getsockopt(client, libc::SOL_SOCKET, libc::SO_ERROR, &mut value)
        .unwrap();
    assert_eq!(i32::from_ne_bytes(value), 0);
}

fn numeric_names_are_resolved(driver: impl Driver) {
    let found = driver.resolve("127.0.0.1", 80).unwrap().unwrap();
    assert_eq!(found, [SocketAddr::loopback(80)]);
    let found = driver.resolve("::1", 80).unwrap().unwrap();
    assert_eq!(found[0].to_string(), "[::1]:80");
}
