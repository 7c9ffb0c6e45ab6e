//! What one choice of a revision costs: 1 000 deployments × 20 revisions in the table.

use std::hint::black_box;
use std::time::Instant;

use control::{Memory, project};
use deploy_spec::{EnvironmentId, RuntimeDeployment, SessionSource};
use dispatch::{Ask, Asked, CookieKeys, Deployment, SessionId, Table, choose};

use crate::Bench;
use crate::figures::{Report, Samples};
use crate::world::{Maker, noon};

const DEPLOYMENTS: usize = 1_000;
const ROUNDS: usize = 31;
const PICKS: u32 = 100_000;

/// What is asked of the table, in nanoseconds each.
pub(crate) fn run(bench: &Bench) -> Result<(), String> {
    let mut maker = Maker::new();
    let (local, _) = maker.local()?;
    let shops: Vec<RuntimeDeployment> = (0..DEPLOYMENTS)
        .map(|i| one(&maker.deployment(&local, i)?))
        .collect::<Result<_, String>>()?;
    let keys = CookieKeys::new(&[[7; 32]]);
    let now_s = u64::try_from(noon().as_second()).unwrap_or(0);
    let by_cookie = deployment(&shops[DEPLOYMENTS / 2], SessionSource::Cookie);
    let by_draw = deployment(&shops[DEPLOYMENTS / 2], SessionSource::None);
    let first = ask(&mut maker, None, now_s);
    let given = choose(&by_cookie, &first, &keys).map_err(|why| format!("{why:?}"))?;
    let cookie = given.cookie.ok_or("no cookie was given")?;
    let table = Table::new(shops.iter().map(|shop| deployment(shop, SessionSource::Cookie)));
    let host = format!("b{}.test", DEPLOYMENTS / 2);

    let mut kinds = [
        ("find the deployment by host and path", Samples::new()),
        ("pick, each request draws", Samples::new()),
        ("pick by a valid cookie", Samples::new()),
        ("pick for a new session, and sign its cookie", Samples::new()),
    ];
    for _ in 0..ROUNDS {
        let path = "/some/where";
        kinds[0].1.add(timed(|| {
            let asked = Asked { host: &host, path, tenant: None, team: None };
            black_box(table.find(black_box(&asked)));
        }));
        let mut fresh = ask(&mut maker, None, now_s);
        kinds[1].1.add(timed(|| {
            fresh.fresh.0[3] = fresh.fresh.0[3].wrapping_add(1);
            let _ = black_box(choose(&by_draw, black_box(&fresh), &keys));
        }));
        let sticky = ask(&mut maker, Some(&cookie), now_s);
        kinds[2].1.add(timed(|| {
            let _ = black_box(choose(&by_cookie, black_box(&sticky), &keys));
        }));
        kinds[3].1.add(timed(|| {
            fresh.fresh.0[3] = fresh.fresh.0[3].wrapping_add(1);
            let _ = black_box(choose(&by_cookie, black_box(&fresh), &keys));
        }));
    }
    let mut report = Report::new("pick", &["median ns", "least ns"]);
    for (name, samples) in &kinds {
        report.row(*name, vec![samples.median(), samples.quantile(0.0)]);
    }
    report.finish(bench)
}

fn one(memory: &Memory) -> Result<RuntimeDeployment, String> {
    let config = project(memory).map_err(|fault| fault.message)?;
    config.deployments.into_iter().next().ok_or_else(|| "no deployment was made".into())
}

fn deployment(shop: &RuntimeDeployment, session: SessionSource) -> Deployment<()> {
    let shop = RuntimeDeployment { session, ..shop.clone() };
    Deployment::new(&EnvironmentId::local(), &shop, |_| ())
}

fn ask<'a>(maker: &mut Maker, cookie: Option<&'a str>, now_s: u64) -> Ask<'a> {
    let fresh = SessionId(maker.bits().to_be_bytes());
    Ask { forced: None, preview: None, cookie, session_header: None, pin: None, now_s, fresh }
}

/// Nanoseconds for one call.
fn timed(mut call: impl FnMut()) -> f64 {
    let begun = Instant::now();
    for _ in 0..PICKS {
        call();
    }
    begun.elapsed().as_secs_f64() * 1e9 / f64::from(PICKS)
}
