//! The routing table of an environment: one immutable value.

use std::sync::Arc;

use deploy_spec::{DeploymentId, PathPrefix};
use foldhash::{HashMap, HashMapExt as _};

use crate::deployment::Deployment;
use crate::route::{Asked, Routes};

/// Every deployment and where it answers.
#[derive(Debug)]
pub struct Table<B> {
    routes: Arc<Routes>,
    deployments: HashMap<DeploymentId, Arc<Deployment<B>>>,
}

impl<B> Default for Table<B> {
    fn default() -> Self {
        Self { routes: Arc::default(), deployments: HashMap::new() }
    }
}

/// The deployment that answers a request, and the prefix by which it does.
#[derive(Debug)]
pub struct Matched<'a, B> {
    /// The deployment.
    pub deployment: &'a Arc<Deployment<B>>,
    /// The prefix.
    pub prefix: &'a PathPrefix,
}

impl<B> Table<B> {
    /// A table of these deployments; of two with one id the last one counts.
    pub fn new(deployments: impl IntoIterator<Item = Deployment<B>>) -> Self {
        let named = deployments.into_iter().map(|deployment| (deployment.id, Some(deployment)));
        Self::default().with(named.collect())
    }

    /// This table with other values for some deployments; none removes one. Whatever is not named
    /// is shared with this table.
    #[must_use]
    pub fn with(&self, changes: Vec<(DeploymentId, Option<Deployment<B>>)>) -> Self {
        let mut routes = Arc::clone(&self.routes);
        let mut deployments = self.deployments.clone();
        for (id, after) in changes {
            let before = deployments.remove(&id);
            let same_routes = match (&before, &after) {
                (Some(before), Some(after)) => before.binding == after.binding,
                (before, after) => before.is_none() && after.is_none(),
            };
            if !same_routes {
                let routes = Arc::make_mut(&mut routes);
                if let Some(before) = &before {
                    routes.remove(&before.binding, id);
                }
                if let Some(after) = &after {
                    routes.insert(&after.binding, id);
                }
            }
            if let Some(after) = after {
                deployments.insert(id, Arc::new(after));
            }
        }
        Self { routes, deployments }
    }

    /// The deployment that answers.
    #[must_use]
    pub fn find(&self, asked: &Asked<'_>) -> Option<Matched<'_, B>> {
        let (id, prefix) = self.routes.find(asked)?;
        Some(Matched { deployment: self.deployments.get(&id)?, prefix })
    }

    /// One deployment.
    #[must_use]
    pub fn deployment(&self, id: DeploymentId) -> Option<&Arc<Deployment<B>>> {
        self.deployments.get(&id)
    }

    /// Every deployment, in no order.
    pub fn deployments(&self) -> impl Iterator<Item = &Arc<Deployment<B>>> {
        self.deployments.values()
    }
}
