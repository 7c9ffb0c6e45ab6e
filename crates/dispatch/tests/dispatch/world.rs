//! A deployment, the replicas that serve it, and browsers that visit them.

use std::collections::BTreeMap;

use deploy_spec::{
    Allocation, Bps, DeploymentId, DeploymentLifecycle, Digest, EnvironmentId, Lifecycle,
    RevisionId, RevisionTag, RouteAnswers, RouteBinding, RuntimeDeployment, RuntimeRevision,
    RuntimeSplit, Salt, SessionSource, Shadow, TenantId, Weight, Weights,
};
use dispatch::{
    Ask, Asked, Choice, CookieKeys, Deployment, NoChoice, Pin, Scope, SessionId, Sticky, Table,
    Why, choose,
};

/// Noon of some day.
pub(crate) const NOON: u64 = 1_800_000_000;

/// Random bits that are the same in every run: SplitMix64 (Steele, Lea, Flood 2014).
pub(crate) struct Bits(pub(crate) u64);

impl Bits {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn session(&mut self) -> SessionId {
        SessionId((u128::from(self.next()) << 64 | u128::from(self.next())).to_be_bytes())
    }
}

pub(crate) fn revision_id(sequence: u64) -> RevisionId {
    RevisionId::from_parts(sequence, u128::from(sequence) * 0x1234_5678_9abc)
}

pub(crate) fn deployment_id(i: u64) -> DeploymentId {
    DeploymentId::from_parts(i, 7)
}

pub(crate) fn keys(first: &[u8]) -> CookieKeys {
    let keys: Vec<[u8; 32]> = first.iter().map(|&byte| [byte; 32]).collect();
    CookieKeys::new(&keys)
}

pub(crate) fn salt(i: u8) -> Salt {
    Salt::new([i.wrapping_mul(37) ^ 0x5a; 16])
}

/// `shares[i]` bps for `r(i+1)`.
pub(crate) fn weights(shares: &[u16]) -> Weights {
    let weight = |(i, &bps): (u64, &u16)| Weight {
        revision_id: revision_id(i),
        weight_bps: Bps::new(bps).unwrap(),
    };
    Weights::new((1..).zip(shares).map(weight).collect()).unwrap()
}

/// A deployment, as its configuration describes it.
#[derive(Debug, Clone)]
pub(crate) struct Shop {
    pub(crate) environment: EnvironmentId,
    pub(crate) tenant: Option<TenantId>,
    pub(crate) id: DeploymentId,
    pub(crate) lifecycle: DeploymentLifecycle,
    pub(crate) routes: RouteBinding,
    pub(crate) session: SessionSource,
    pub(crate) tags: BTreeMap<RevisionTag, RevisionId>,
    pub(crate) shadow: Option<Shadow>,
    pub(crate) split: Option<(u64, Allocation)>,
    pub(crate) revisions: Vec<(u64, Lifecycle)>,
}

impl Shop {
    /// A shop on the air with these shares, everywhere, in split generation 0.
    pub(crate) fn new(shares: &[u16]) -> Self {
        let sequences = 1..=shares.len() as u64;
        Self {
            environment: "prod".parse().unwrap(),
            tenant: Some("acme".parse().unwrap()),
            id: deployment_id(1),
            lifecycle: DeploymentLifecycle::Active,
            routes: RouteBinding::new(RouteAnswers::default()).unwrap(),
            session: SessionSource::Cookie,
            tags: BTreeMap::new(),
            shadow: None,
            split: Some((0, Allocation::first(weights(shares), 0, salt(0)))),
            revisions: sequences.map(|sequence| (sequence, Lifecycle::Ready)).collect(),
        }
    }

    /// The shop after `traffic set`.
    pub(crate) fn turned(&self, shares: &[u16], before: Option<&Self>) -> Self {
        let (generation, now) = self.split.as_ref().unwrap();
        let before = before.map(|shop| &shop.split.as_ref().unwrap().1);
        let next = generation + 1;
        let fresh = salt(u8::try_from(next).unwrap());
        let after = now.changed(weights(shares), next, before, fresh);
        Self { split: Some((next, after)), ..self.clone() }
    }

    /// The shop after `traffic rollback` to what it was in `past`.
    pub(crate) fn rolled_back(&self, past: &Self) -> Self {
        let generation = self.split.as_ref().unwrap().0 + 1;
        let allocation = past.split.as_ref().unwrap().1.clone();
        Self { split: Some((generation, allocation)), ..self.clone() }
    }

    pub(crate) fn scope(&self) -> Scope {
        Scope::new(&self.environment, self.tenant.as_ref(), self.id)
    }

    /// The owner of the slot of `session`.
    pub(crate) fn home(&self, session: &[u8]) -> u64 {
        let allocation = &self.split.as_ref().unwrap().1;
        let slot = usize::from(dispatch::slot_of(session, &allocation.salt));
        let owner = allocation.slots.owners().nth(slot).unwrap();
        self.revisions.iter().find(|(sequence, _)| revision_id(*sequence) == owner).unwrap().0
    }

    pub(crate) fn build(&self) -> Deployment<u64> {
        let revision = |&(sequence, lifecycle): &(u64, Lifecycle)| RuntimeRevision {
            revision_id: revision_id(sequence),
            sequence,
            bundle_digest: Digest::from_hash([0; 32]),
            artifact: "artifacts/x".into(),
            pack_list: Vec::new(),
            config: serde_json::Map::new(),
            secret_refs: Vec::new(),
            pinned: None,
            lifecycle,
            drain_seconds: 30,
        };
        let split = self.split.clone();
        let config = RuntimeDeployment {
            deployment_id: self.id,
            bundle_id: "shop".parse().unwrap(),
            customer_id: "c1".parse().unwrap(),
            tenant: self.tenant.clone(),
            lifecycle: self.lifecycle,
            route_binding: self.routes.clone(),
            session: self.session.clone(),
            tags: self.tags.clone(),
            shadow: self.shadow.clone(),
            split: split.map(|(generation, allocation)| RuntimeSplit { generation, allocation }),
            revisions: self.revisions.iter().map(revision).collect(),
        };
        Deployment::new(&self.environment, &config, |revision| revision.sequence)
    }

    pub(crate) fn replica(&self) -> Replica {
        Replica { table: Table::new([self.build()]), keys: keys(b"k") }
    }
}

/// One process that serves the shop.
pub(crate) struct Replica {
    pub(crate) table: Table<u64>,
    pub(crate) keys: CookieKeys,
}

/// A request, and what else is known of it.
pub(crate) fn ask(cookie: Option<&str>, fresh: SessionId) -> Ask<'_> {
    Ask { forced: None, preview: None, cookie, session_header: None, pin: None, now_s: NOON, fresh }
}

/// What a visitor sees.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) revision: u64,
    pub(crate) why: Why,
    pub(crate) cookie: Option<String>,
    pub(crate) pin: Option<Pin>,
}

impl Replica {
    pub(crate) fn answer(&self, ask: &Ask<'_>) -> Result<Seen, NoChoice> {
        let asked = Asked { path: "/", tenant: Some("acme"), ..Asked::default() };
        let found = self.table.find(&asked).unwrap();
        let Choice { live, why, cookie, pin } = choose(found.deployment, ask, &self.keys)?;
        Ok(Seen { revision: live.backend, why, cookie, pin })
    }

    pub(crate) fn visit(&self, cookie: Option<&str>, bits: &mut Bits) -> Seen {
        self.answer(&ask(cookie, bits.session())).unwrap()
    }

    /// A visit without a cookie: the revision and the cookie that is given.
    pub(crate) fn first_visit(&self, bits: &mut Bits) -> (u64, String) {
        let seen = self.visit(None, bits);
        assert_eq!(seen.why, Why::Drawn);
        (seen.revision, seen.cookie.unwrap())
    }
}

/// What a cookie of `shop` says to those who know the key.
pub(crate) fn read(cookie: &str, shop: &Shop) -> Sticky {
    let (name, value) = cookie.split_once('=').unwrap();
    assert_eq!(name, format!("gt_rev_{}", shop.id));
    Sticky::verify(value, &keys(b"k"), &shop.scope(), NOON).unwrap()
}
