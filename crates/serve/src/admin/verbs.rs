//! The verbs of the command line, asked for by HTTP.

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{ConnectInfo, State};
use axum::response::Response;
use control::revisions::{CompleteDrain, Stage, Warm};
use control::traffic::{Rollback, Set};
use control::{Call, Context, Reply, Verb, replay};
use deploy_spec::{Fault, document};
use serde_json::Value;
use store::EnvironmentStore;

use super::asker::Asker;
use super::{Admin, reply};
use crate::access::permit_actor;
use crate::warm::warm;

type Asks = ConnectInfo<Asker>;
/// A document, unless it is too large or was cut off.
type Document = Result<Bytes, BytesRejection>;

pub(super) async fn stage(State(admin): State<Admin>, asks: Asks, body: Document) -> Response {
    let take_in = admin.take_in.clone();
    answer::<Stage>(body, move |body| {
        run::<Stage>(&admin, &asks, body, |store, answers| take_in(store, answers))
    })
    .await
}

pub(super) async fn warm_revision(
    State(admin): State<Admin>,
    asks: Asks,
    body: Document,
) -> Response {
    answer::<Warm>(body, move |body| {
        let (store, call, context) = asked::<Warm>(&admin, &asks, body)?;
        let engine = || Ok(admin.plane.engine().clone());
        warm(store, engine, Some(&admin.plane), &call, &context).map(|executed| executed.reply)
    })
    .await
}

pub(super) async fn activate(State(admin): State<Admin>, asks: Asks, body: Document) -> Response {
    answer::<Set>(body, move |body| run::<Set>(&admin, &asks, body, |_, _| Ok(()))).await
}

pub(super) async fn rollback(State(admin): State<Admin>, asks: Asks, body: Document) -> Response {
    answer::<Rollback>(body, move |body| run::<Rollback>(&admin, &asks, body, |_, _| Ok(()))).await
}

pub(super) async fn complete_drain(
    State(admin): State<Admin>,
    asks: Asks,
    body: Document,
) -> Response {
    answer::<CompleteDrain>(body, move |body| {
        run::<CompleteDrain>(&admin, &asks, body, |_, _| Ok(None))
    })
    .await
}

/// Does it where waiting harms nobody, and wraps what it came to.
async fn answer<V: Verb>(
    body: Document,
    work: impl FnOnce(&[u8]) -> Result<Reply, Fault> + Send + 'static,
) -> Response {
    let body = match body {
        Ok(body) => body,
        Err(rejection) => {
            let fault = Fault::invalid(format!("the document cannot be read: {rejection}"));
            return reply::failed(rejection.status(), V::NOUN, V::OP, &fault);
        }
    };
    let done = tokio::task::spawn_blocking(move || work(&body)).await;
    let panicked = |_| Err(Fault::internal(format!("`{} {}` panicked", V::NOUN, V::OP)));
    reply::ended(V::NOUN, V::OP, done.unwrap_or_else(panicked))
}

fn run<V: Verb>(
    admin: &Admin,
    asks: &Asks,
    body: &[u8],
    find: impl FnOnce(&EnvironmentStore, &V::Answers) -> Result<V::Facts, Fault>,
) -> Result<Reply, Fault> {
    let (store, call, context) = asked::<V>(admin, asks, body)?;
    if let Some(first) = replay::<V>(&store.read()?, &call)? {
        return Ok(first);
    }
    let facts = find(store, &call.answers)?;
    store.execute::<V>(&call, &facts, &context).map(|executed| executed.reply)
}

/// What is asked, once who asks may.
fn asked<'a, V: Verb>(
    admin: &'a Admin,
    ConnectInfo(asker): &Asks,
    body: &[u8],
) -> Result<(&'a EnvironmentStore, Call<V::Answers>, Context), Fault> {
    let store = admin.store.as_ref().ok_or_else(|| {
        Fault::refused("this data plane serves from a document; nothing can be changed here")
    })?;
    let actor = asker.actor()?;
    let answers: Value = document::from_json(body)?;
    let call = Call::from_document(answers)?;
    if call.environment_id != *store.id() {
        return Err(Fault::invalid(format!("this data plane serves `{}`", store.id()))
            .at("/environment_id"));
    }
    let context = permit_actor(store, (V::NOUN, V::OP), &actor)?;
    Ok((store, call, context))
}
