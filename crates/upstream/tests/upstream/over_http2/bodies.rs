//! Bodies over HTTP/2: both ways at once, as fast as both sides take them, and broken off by either.

use super::*;

#[tokio::test]
async fn trailers_and_pieces_go_both_ways_as_they_come() {
    let server = serving(library(), |request, mut respond| async move {
        let mut body = request.into_body();
        let mut stream = respond.send_response(Response::new(()), false).unwrap();
        while let Some(piece) = body.data().await {
            let piece = piece.unwrap();
            body.flow_control().release_capacity(piece.len()).unwrap();
            stream.send_data(piece, false).unwrap();
        }
        let mut trailers = body.trailers().await.unwrap().unwrap();
        trailers.insert("grpc-status", HeaderValue::from_static("0"));
        stream.send_trailers(trailers).unwrap();
    });
    let (write, request) = written();
    let mut body =
        within(client(|_| {}).send(&server.endpoint, request)).await.unwrap().into_body();
    for _ in 0..3 {
        write.send(data(b"ping")).await.unwrap();
        let piece = within(body.frame()).await.unwrap().unwrap();
        assert_eq!(piece.into_data().unwrap(), "ping");
    }
    let mut trailers = HeaderMap::new();
    trailers.insert("x-sum", HeaderValue::from_static("3"));
    trailers.insert("content-length", HeaderValue::from_static("3"));
    write.send(Frame::trailers(trailers)).await.unwrap();
    let trailers = within(body.frame()).await.unwrap().unwrap().into_trailers().unwrap();
    assert_eq!(trailers["x-sum"], "3");
    assert_eq!(trailers["grpc-status"], "0");
    // What a server could take for the length of the body does not go along.
    assert_eq!(trailers.len(), 2);
    assert!(within(body.frame()).await.is_none());
}

#[tokio::test]
async fn an_answer_that_is_only_a_head_has_a_body_that_is_over() {
    let server = serving(library(), |_, mut respond| async move {
        let answer = Response::builder().header("grpc-status", "12").body(()).unwrap();
        respond.send_response(answer, true).unwrap();
    });
    let answer = within(client(|_| {}).send(&server.endpoint, get())).await.unwrap();
    assert_eq!(answer.headers()["grpc-status"], "12");
    assert!(answer.body().whole().is_some_and(Bytes::is_empty));
}

/// Answers without end, but for `/short`.
fn pouring() -> Server {
    serving(library(), |request, mut respond| async move {
        let mut stream = respond.send_response(Response::new(()), false).unwrap();
        if request.uri().path() == "/short" {
            stream.send_data(Bytes::from_static(b"short"), true).unwrap();
            return;
        }
        let piece = Bytes::from(vec![0; 16_384]);
        loop {
            stream.reserve_capacity(piece.len());
            let Some(Ok(room)) = poll_fn(|cx| stream.poll_capacity(cx)).await else { return };
            if stream.send_data(piece.slice(..room.min(piece.len())), false).is_err() {
                return;
            }
        }
    })
}

#[tokio::test]
async fn an_answer_that_nobody_reads_waits_and_holds_up_no_other() {
    let server = pouring();
    let client = client(|settings| settings.stream_window = 100_000);
    let mut unread = Vec::new();
    // Together more than any window of a connection is by default.
    for _ in 0..20 {
        unread.push(within(client.send(&server.endpoint, get())).await.unwrap());
        for _ in 0..10 {
            let short = Request::get("/short").header("host", "a.test");
            let short = short.body(Full::default()).unwrap();
            let (_, body) = ask(&client, &server, short).await.unwrap();
            assert_eq!(body, "short");
        }
    }
    assert_eq!(server.connections(), 1);
    // The server goes on as soon as somebody reads.
    let mut body = unread.pop().unwrap().into_body();
    let mut read = 0;
    while read < 1_000_000 {
        read += within(body.frame()).await.unwrap().unwrap().into_data().unwrap().len();
    }
}

#[tokio::test]
async fn a_server_that_takes_nothing_stops_the_body() {
    let server = serving(library(), |request, mut respond| async move {
        let _unread = request.into_body();
        let _stream = respond.send_response(Response::new(()), false).unwrap();
        std::future::pending::<()>().await;
    });
    let client = client(|settings| settings.silence_timeout = Duration::from_millis(300));
    let (write, request) = written();
    let mut answer = within(client.send(&server.endpoint, request)).await.unwrap().into_body();
    let writing = tokio::spawn(async move {
        let mut sent = 0;
        while write.send(Frame::data(Bytes::from(vec![0; 16_384]))).await.is_ok() {
            sent += 16_384;
        }
        sent
    });
    let ended = within(answer.frame()).await.unwrap().unwrap_err();
    assert_eq!(ended.to_string(), "it did not go on with its answer in time");
    // What was taken is what one window holds, and a piece or two before it.
    let sent = within(writing).await.unwrap();
    assert!((65_535..65_535 + 100_000).contains(&sent), "{sent}");
}

#[tokio::test]
async fn who_goes_away_takes_the_request_back() {
    let (told, mut hears) = mpsc::unbounded_channel();
    let server = serving(library(), move |request, mut respond| {
        let told = told.clone();
        async move {
            let answers = request.uri().path() == "/begin";
            told.send(None).unwrap();
            let reason = if answers {
                let mut stream = respond.send_response(Response::new(()), false).unwrap();
                stream.send_data(Bytes::from_static(b"begun"), false).unwrap();
                poll_fn(|cx| stream.poll_reset(cx)).await
            } else {
                poll_fn(|cx| respond.poll_reset(cx)).await
            };
            told.send(reason.ok()).unwrap();
        }
    });
    let client = client(|_| {});
    {
        let sending = client.send(&server.endpoint, get());
        tokio::select! {
            _ = sending => panic!("there is no answer"),
            heard = hears.recv() => assert_eq!(heard, Some(None)),
        }
    }
    assert_eq!(within(hears.recv()).await, Some(Some(Reason::CANCEL)));
    let begin = Request::get("/begin").header("host", "a").body(Full::<Bytes>::default()).unwrap();
    let mut begun = within(client.send(&server.endpoint, begin)).await.unwrap().into_body();
    within(begun.frame()).await.unwrap().unwrap();
    assert_eq!(hears.recv().await, Some(None));
    drop(begun);
    assert_eq!(within(hears.recv()).await, Some(Some(Reason::CANCEL)));
    // None of this was the connection's fault.
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn a_body_that_breaks_off_takes_the_request_back() {
    struct Broken(Option<Frame<Bytes>>);
    impl http_body::Body for Broken {
        type Data = Bytes;
        type Error = BoxError;
        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
            Poll::Ready(Some(self.0.take().ok_or_else(|| "gone".into())))
        }
    }
    let (told, mut hears) = mpsc::unbounded_channel();
    let server = serving(library(), move |_, mut respond| {
        let told = told.clone();
        async move {
            told.send(poll_fn(|cx| respond.poll_reset(cx)).await.ok()).unwrap();
        }
    });
    let request = Request::post("/").header("host", "a").body(Broken(Some(data(b"x")))).unwrap();
    let why = within(client(|_| {}).send(&server.endpoint, request)).await.unwrap_err();
    assert_eq!(why.to_string(), "the body of the request broke off: gone");
    assert_eq!(within(hears.recv()).await, Some(Some(Reason::CANCEL)));
}

#[tokio::test]
async fn a_body_waits_until_the_server_wants_it() {
    let server = Server::start(|stream, _| async move {
        let mut frames = Frames::open(stream).await;
        let id = frames.request().await;
        frames.send(&head(id, 0, &[(":status", "100")])).await;
        assert_eq!(frames.next_of(DATA).await.unwrap(), (id, b"hello".to_vec()));
        frames.send(&answer(id)).await;
        let id = frames.request().await;
        // The server does not want this one, and the body is never touched.
        frames.send(&head(id, END_STREAM, &[(":status", "403")])).await;
        assert_eq!(frames.next_of(RST_STREAM).await.unwrap().0, id);
        frames.read_away().await;
    });
    let client = client(|settings| settings.continue_timeout = Duration::from_secs(3600));
    let waiting = || {
        let request = Request::put("/").header("host", "a").header("expect", "100-continue");
        request.body(Full::new(Bytes::from_static(b"hello"))).unwrap()
    };
    assert_eq!(ask(&client, &server, waiting()).await.unwrap().0, StatusCode::OK);
    assert_eq!(ask(&client, &server, waiting()).await.unwrap().0, StatusCode::FORBIDDEN);
    // One that says nothing at all gets it after a while.
    let server = Server::start(|stream, _| async move {
        let mut frames = Frames::open(stream).await;
        let id = frames.request().await;
        frames.next_of(DATA).await.unwrap();
        frames.send(&answer(id)).await;
    });
    let client = self::client(|settings| settings.continue_timeout = Duration::from_millis(50));
    assert_eq!(ask(&client, &server, waiting()).await.unwrap().0, StatusCode::OK);
}

#[tokio::test]
async fn a_call_may_be_silent_for_longer_than_an_answer() {
    let more = Arc::new(tokio::sync::Notify::new());
    let tell = Arc::clone(&more);
    let server = serving(library(), move |request, mut respond| {
        let more = Arc::clone(&more);
        async move {
            let kind = if request.method() == "POST" { "application/grpc" } else { "text/plain" };
            let answer = Response::builder().header("content-type", kind).body(()).unwrap();
            let mut stream = respond.send_response(answer, false).unwrap();
            stream.send_data("1".into(), false).unwrap();
            more.notified().await;
            let _ = stream.send_data("2".into(), true);
        }
    });
    let client = client(|settings| settings.silence_timeout = Duration::from_millis(50));
    let call = within(client.send(&server.endpoint, post("hello"))).await.unwrap();
    let call = tokio::spawn(call.into_body().collect());
    // What is no stream and began later is over by now.
    let plain = within(client.send(&server.endpoint, get())).await.unwrap();
    assert!(within(plain.into_body().collect()).await.is_err());
    tell.notify_waiters();
    assert_eq!(call.await.unwrap().unwrap().to_bytes(), "12");
}
