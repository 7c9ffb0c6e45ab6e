//! From policy texts to a ruling, by Cedar.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::fmt::Write as _;
use std::str::FromStr as _;

use cedar_policy::{
    Authorizer, Context, Decision, Entities, Entity, EntityId, EntityTypeName, EntityUid,
    ParseErrors, PolicyId, PolicySet, Request as CedarRequest, RestrictedExpression, Schema,
    ValidationMode, Validator,
};
use deploy_spec::Permission;
use miette::Diagnostic as _;

use crate::files::Text;
use crate::{Access, LOCAL_OWNER, Request, Verb};

/// What holds without any policy, as a policy.
const DEFAULT: &str = "permit (principal, action, resource == Environment::\"local\")
when { principal.is_owner };";

/// What the policies say.
pub(crate) struct Ruling {
    pub(crate) decision: Permission,
    /// The policies that decided; none when no policy says anything.
    pub(crate) policies: Vec<String>,
}

/// Asks Cedar.
pub(crate) fn rule(
    texts: &[Text],
    verbs: &[Verb<'_>],
    request: &Request<'_>,
    owner: bool,
) -> Result<Ruling, String> {
    let policies = policies(texts, verbs)?;
    let principal = uid("User", request.user)?;
    let action = uid("Action", &request.action())?;
    let resource = uid("Environment", request.environment.as_str())?;
    let attributes = HashMap::from([
        ("uid".to_owned(), RestrictedExpression::new_long(request.uid.into())),
        ("is_owner".to_owned(), RestrictedExpression::new_bool(owner)),
    ]);
    let user = Entity::new(principal.clone(), attributes, HashSet::new())
        .map_err(|error| error.to_string())?;
    let mut entities = vec![user];
    for Verb { noun, verb, access } in verbs {
        let parents = HashSet::from([uid("Action", group(*access))?, uid("Action", noun)?]);
        let of_verb = uid("Action", &format!("{noun}.{verb}"))?;
        entities.push(Entity::new_no_attrs(of_verb, parents));
    }
    let entities = Entities::from_entities(entities, None).map_err(|error| error.to_string())?;
    let asked = CedarRequest::new(principal, action, resource, Context::empty(), None)
        .map_err(|error| error.to_string())?;
    let response = Authorizer::new().is_authorized(&asked, &policies, &entities);
    if let Some(error) = response.diagnostics().errors().next() {
        return Err(error.to_string());
    }
    let mut policies: Vec<String> =
        response.diagnostics().reason().map(ToString::to_string).collect();
    policies.sort();
    let decision = match response.decision() {
        Decision::Allow => Permission::Allow,
        Decision::Deny => Permission::Deny,
    };
    Ok(Ruling { decision, policies })
}

/// All policies, each named by its file and its place in it, checked against the schema.
fn policies(texts: &[Text], verbs: &[Verb<'_>]) -> Result<PolicySet, String> {
    let mut all = PolicySet::new();
    let mut add = |name: &str, text: &str, id: &dyn Fn(usize) -> String| -> Result<(), String> {
        let parsed = PolicySet::from_str(text).map_err(|error| unparsed(name, text, &error))?;
        if parsed.templates().next().is_some() {
            return Err(format!(
                "`{name}` holds a template (`?principal`); templates are not used"
            ));
        }
        // Cedar numbers the policies of a text in their order.
        let mut found: Vec<_> = parsed.policies().cloned().collect();
        found.sort_by_key(|policy| number(policy.id().as_ref()));
        for (i, policy) in found.into_iter().enumerate() {
            let policy = policy.new_id(PolicyId::new(id(i)));
            all.add(policy).map_err(|error| format!("`{name}`: {error}"))?;
        }
        Ok(())
    };
    add(LOCAL_OWNER, DEFAULT, &|_| LOCAL_OWNER.to_owned())?;
    for (name, text) in texts {
        add(name, text, &|i| format!("{name}#{}", i + 1))?;
    }
    let schema = schema(verbs)?;
    let validated = Validator::new(schema).validate(&all, ValidationMode::Strict);
    match validated.validation_errors().next() {
        Some(error) => Err(error.to_string()),
        None => Ok(all),
    }
}

/// What cannot be read, and in which line.
fn unparsed(name: &str, text: &str, error: &ParseErrors) -> String {
    let label = error.labels().and_then(|mut labels| labels.next());
    let before = label.and_then(|label| text.get(..label.offset()));
    let line = before.map_or_else(String::new, |before| {
        format!(":{}", before.bytes().filter(|byte| *byte == b'\n').count() + 1)
    });
    format!("`{name}{line}`: {error}")
}

fn number(id: &str) -> usize {
    id.trim_start_matches(|c: char| !c.is_ascii_digit()).parse().unwrap_or(0)
}

const fn group(access: Access) -> &'static str {
    match access {
        Access::Read => "read",
        Access::Write => "write",
    }
}

fn schema(verbs: &[Verb<'_>]) -> Result<Schema, String> {
    let nouns: BTreeSet<&str> = verbs.iter().map(|verb| verb.noun).collect();
    let mut text = String::from(
        "entity User = { uid: Long, is_owner: Bool };\nentity Environment;\naction read, write;\n",
    );
    for noun in nouns {
        let _ = writeln!(text, "action \"{noun}\";");
    }
    for Verb { noun, verb, access } in verbs {
        let _ = writeln!(
            text,
            "action \"{noun}.{verb}\" in [{}, \"{noun}\"] \
             appliesTo {{ principal: User, resource: Environment }};",
            group(*access)
        );
    }
    Schema::from_cedarschema_str(&text)
        .map(|(schema, _)| schema)
        .map_err(|error| format!("the schema of policies: {error}"))
}

fn uid(kind: &str, id: &str) -> Result<EntityUid, String> {
    let kind = EntityTypeName::from_str(kind).map_err(|error| error.to_string())?;
    Ok(EntityUid::from_type_name_and_id(kind, EntityId::new(id)))
}
