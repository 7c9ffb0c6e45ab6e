//! A machine's life, as plans tell it.

use deploy_spec::{Digest, Kind};
use insta::assert_snapshot;
use single_vm::resource::Engine;
use single_vm::{
    Action, Actual, Aim, CertificateFacts, Facts, Id, Issued, MountBy, Plan, Recorded,
};
use single_vm::{Resource, desired, drift, drift_text, plan, plan_removal, plan_text, to_observe};

use crate::machine::{Machine, file_of, root};
use crate::properties::{apply, destroy, planned, run, tamper};
use crate::world::{Choice, Runs, at};

/// A plan without the texts of files and the fields.
fn outline(plan: &Plan) -> String {
    plan_text(plan)
        .lines()
        .filter(|line| !line.starts_with(' '))
        .map(|line| format!("{line}\n"))
        .collect()
}

fn applied(choice: Choice) -> (Machine, Recorded) {
    let (mut machine, mut recorded) = (Machine::fresh(), Recorded::default());
    apply(&choice, &mut machine, &mut recorded, &[]);
    (machine, recorded)
}

#[test]
fn the_first_plan_makes_everything() {
    let machine = Machine::fresh();
    let plan = planned(&Choice::USUAL.desired(&machine), &machine, &Recorded::default());
    assert_snapshot!(outline(&plan), @"
    + group greentic-hello
    + user greentic-hello
    + directory /etc/greentic
    + directory /etc/greentic/hello
    + directory /opt/greentic
    + directory /opt/greentic/hello
    + directory /srv/greentic
    + directory /var/cache/greentic
    + directory /var/lib/greentic
    + directory /var/lib/greentic/hello
    + directory /var/log/greentic
    + directory /etc/greentic/hello/tls
    + directory /opt/greentic/hello/bin
    + directory /opt/greentic/hello/bundles
    + directory /srv/greentic/hello
    + directory /srv/greentic/hello/0ffaac099f9b2220
    + directory /var/lib/greentic/hello/state
    + directory /var/cache/greentic/hello
    + directory /var/log/greentic/hello
    + directory /var/lib/greentic/hello/tmp
    + certificate /etc/greentic/hello/tls/authority-1  an authority of its own, good for 3650 days
    + certificate /etc/greentic/hello/tls/server-1  good for 397 days
    + certificate /etc/greentic/hello/tls/client-1  good for 397 days
    + file /opt/greentic/hello/bundles/0ffaac099f9b2220.gtbundle
    + file /opt/greentic/hello/bin/gtc-1f2e6d00279b4659
    + file /etc/tmpfiles.d/greentic-hello.conf
    + file /etc/logrotate.d/greentic-hello
    + file /etc/systemd/system/srv-greentic-hello-0ffaac099f9b2220.mount
    + file /etc/systemd/system/greentic-hello.socket
    + file /etc/systemd/system/greentic-hello.service
    > systemd reads its units again
    > enable unit srv-greentic-hello-0ffaac099f9b2220.mount
    > start unit srv-greentic-hello-0ffaac099f9b2220.mount
    > enable unit greentic-hello.socket
    > start unit greentic-hello.socket
    > enable unit greentic-hello.service
    > start unit greentic-hello.service
    > roll out bundle sha256:0ffaac099f9b22205f96928a311ab077b5b9a4fdecc11660663ddf04b19493d5, blue-green
    > wait until unit greentic-hello.service answers /readyz, for 60 s at most

    39 steps for `hello`: 30 to make, 0 to change, 0 to remove.
    ");
}

#[test]
fn a_new_bundle_stops_nothing() {
    let (machine, recorded) = applied(Choice::USUAL);
    let plan =
        planned(&Choice { bundle: 2, ..Choice::USUAL }.desired(&machine), &machine, &recorded);
    assert_snapshot!(outline(&plan), @"
    + directory /srv/greentic/hello/b77bdb55895cb829
    + file /opt/greentic/hello/bundles/b77bdb55895cb829.gtbundle
    + file /etc/systemd/system/srv-greentic-hello-b77bdb55895cb829.mount
    > systemd reads its units again
    > enable unit srv-greentic-hello-b77bdb55895cb829.mount
    > start unit srv-greentic-hello-b77bdb55895cb829.mount
    > roll out bundle sha256:b77bdb55895cb829f5544ba35c21193dc4f923b3409a3a3e2e47b271cb9dfcbb, blue-green
    > wait until unit greentic-hello.service answers /readyz, for 60 s at most
    > stop unit srv-greentic-hello-0ffaac099f9b2220.mount
    > disable unit srv-greentic-hello-0ffaac099f9b2220.mount
    - file /etc/systemd/system/srv-greentic-hello-0ffaac099f9b2220.mount
    > systemd reads its units again
    - file /opt/greentic/hello/bundles/0ffaac099f9b2220.gtbundle
    - directory /srv/greentic/hello/0ffaac099f9b2220

    14 steps for `hello`: 3 to make, 0 to change, 3 to remove.
    ");
}

#[test]
fn a_new_binary_restarts_the_service_behind_its_socket() {
    let (machine, recorded) = applied(Choice::USUAL);
    let next = Choice { runs: Runs::Binary(2), ..Choice::USUAL }.desired(&machine);
    assert_snapshot!(plan_text(&planned(&next, &machine, &recorded)), @"
    + file /opt/greentic/hello/bin/gtc-a10e1d8b32f98c84
        owner: root:root
        mode: 0755
        content: sha256:a10e1d8b32f98c84d002bfa431e1d995fef4856e0d133936982b59d550ce57f8
    ~ file /etc/systemd/system/greentic-hello.service
        content: sha256:bb6a27654bc748bc21dca1839b7481924a3feb12caf043abb16bd2509831ba49 -> sha256:2eeac66789ae81bdbdb864829aa6e9c254cd3243576ddc4e547f4b02bf8e8a11
        |  WorkingDirectory=/var/lib/greentic/hello/state
        |  # Makes the environment when there is none.
        | -ExecStartPre=/opt/greentic/hello/bin/gtc-1f2e6d00279b4659 op env init
        | -ExecStart=/opt/greentic/hello/bin/gtc-1f2e6d00279b4659 start --env local --listen 0.0.0.0:8080 --grace 30 --admin-bind 127.0.0.1:8433 --admin-client-ca ${CREDENTIALS_DIRECTORY}/ca.pem --admin-cert ${CREDENTIALS_DIRECTORY}/cert.pem --admin-key ${CREDENTIALS_DIRECTORY}/key.pem
        | +ExecStartPre=/opt/greentic/hello/bin/gtc-a10e1d8b32f98c84 op env init
        | +ExecStart=/opt/greentic/hello/bin/gtc-a10e1d8b32f98c84 start --env local --listen 0.0.0.0:8080 --grace 30 --admin-bind 127.0.0.1:8433 --admin-client-ca ${CREDENTIALS_DIRECTORY}/ca.pem --admin-cert ${CREDENTIALS_DIRECTORY}/cert.pem --admin-key ${CREDENTIALS_DIRECTORY}/key.pem
        |  Environment=GREENTIC_HOME=/var/lib/greentic/hello/state
        |  Environment=STATE_DIRECTORY=/var/lib/greentic/hello/state
        |  KillMode=mixed
        |  SyslogIdentifier=greentic-hello
        | -Environment=GREENTIC_CONFIGURATION=sha256:763c9f9093ecd46343b0db9b1caf690c43098630df2741fdbd3e2996139102a0
        | +Environment=GREENTIC_CONFIGURATION=sha256:2ffefb29d2df2145893f610d15ddb9ae3196906217a4bc2f1afe38f8388db3f7
        |  
        |  [Install]
    > systemd reads its units again
    > restart unit greentic-hello.service
        configuration: sha256:763c9f9093ecd46343b0db9b1caf690c43098630df2741fdbd3e2996139102a0 -> sha256:2ffefb29d2df2145893f610d15ddb9ae3196906217a4bc2f1afe38f8388db3f7
    > wait until unit greentic-hello.service answers /readyz, for 60 s at most
    - file /opt/greentic/hello/bin/gtc-1f2e6d00279b4659

    6 steps for `hello`: 1 to make, 1 to change, 1 to remove.
    ");
}

#[test]
fn drift_is_named_field_by_field_and_mended() {
    let (mut machine, recorded) = applied(Choice::USUAL);
    let service = "greentic-hello.service";
    tamper(&mut machine, &Id::File(file_of(service)));
    machine.stop("greentic-hello.socket");
    let state = "directory:/var/lib/greentic/hello/state".parse().unwrap();
    let mode = single_vm::resource::Mode::new(0o777);
    machine.things.insert(state, Actual::Directory { owner: root(), mode });
    machine.things.remove(&"file:/etc/logrotate.d/greentic-hello".parse().unwrap());
    let applied = recorded.applied.clone().unwrap();
    let observed = machine.observe(&to_observe(Some(&applied), &recorded));
    let drifts = drift(&applied, &observed, &recorded);
    assert_snapshot!(drift_text(&drifts), @"
    ~ directory /var/lib/greentic/hello/state
        owner: root:root -> greentic-hello:greentic-hello
        mode: 0777 -> 0700
    - file /etc/logrotate.d/greentic-hello  is missing
    ~ file /etc/systemd/system/greentic-hello.service
        content: sha256:38f479e8a76c2c24b5fcfe7dadf8286b22e769b17acd0287d7bbdf203ee59b49 -> sha256:bb6a27654bc748bc21dca1839b7481924a3feb12caf043abb16bd2509831ba49
    ~ unit greentic-hello.socket
        active: no -> yes
    ~ unit greentic-hello.service
        active: no -> yes
        configuration: sha256:763c9f9093ecd46343b0db9b1caf690c43098630df2741fdbd3e2996139102a0
    ");
    let plan = plan(&applied, &observed, &recorded).unwrap();
    assert_snapshot!(plan_text(&plan), @"
    + file /etc/logrotate.d/greentic-hello
        owner: root:root
        mode: 0644
        content: sha256:31179534f66704e9d57686a6f838cf7924b050a742617fc5603e60bc0a55b1e6
        | +# Written by `gtc single-vm apply`, which also mends what is changed by hand.
        | +/var/log/greentic/hello/*.log {
        | +    su greentic-hello greentic-hello
        | +    daily
        | +    maxsize 50M
        | +    rotate 14
        | +    compress
        | +    delaycompress
        | +    missingok
        | +    notifempty
        | +    copytruncate
        | +}
    ~ directory /var/lib/greentic/hello/state
        owner: root:root -> greentic-hello:greentic-hello
        mode: 0777 -> 0700
    ~ file /etc/systemd/system/greentic-hello.service
        content: sha256:38f479e8a76c2c24b5fcfe7dadf8286b22e769b17acd0287d7bbdf203ee59b49 -> sha256:bb6a27654bc748bc21dca1839b7481924a3feb12caf043abb16bd2509831ba49
        |  [Install]
        |  WantedBy=multi-user.target
        | -# tampered
    > systemd reads its units again
    > start unit greentic-hello.socket
        active: no -> yes
    > start unit greentic-hello.service
        active: no -> yes
        configuration: sha256:763c9f9093ecd46343b0db9b1caf690c43098630df2741fdbd3e2996139102a0
    > wait until unit greentic-hello.service answers /readyz, for 60 s at most

    7 steps for `hello`: 1 to make, 2 to change, 0 to remove.
    ");
}

#[test]
fn destroying_keeps_data_and_whose_it_is() {
    let (mut machine, mut recorded) = applied(Choice::USUAL);
    let observed = machine.observe(&to_observe(None, &recorded));
    let name = "hello".parse().unwrap();
    let plan = plan_removal(&name, &observed, &recorded, Aim::Destroy);
    assert_snapshot!(plan_text(&plan), @"
    > stop unit greentic-hello.service
    > disable unit greentic-hello.service
    > stop unit greentic-hello.socket
    > disable unit greentic-hello.socket
    > stop unit srv-greentic-hello-0ffaac099f9b2220.mount
    > disable unit srv-greentic-hello-0ffaac099f9b2220.mount
    - file /etc/systemd/system/srv-greentic-hello-0ffaac099f9b2220.mount
    - file /etc/systemd/system/greentic-hello.socket
    - file /etc/systemd/system/greentic-hello.service
    > systemd reads its units again
    - file /opt/greentic/hello/bundles/0ffaac099f9b2220.gtbundle
    - file /opt/greentic/hello/bin/gtc-1f2e6d00279b4659
    - file /etc/tmpfiles.d/greentic-hello.conf
    - file /etc/logrotate.d/greentic-hello
    - certificate /etc/greentic/hello/tls/server-1  good for 397 days
    - certificate /etc/greentic/hello/tls/client-1  good for 397 days
    - certificate /etc/greentic/hello/tls/authority-1  an authority of its own, good for 3650 days
    - directory /var/lib/greentic/hello/tmp
    - directory /var/cache/greentic/hello
    - directory /var/cache/greentic
    - directory /srv/greentic/hello/0ffaac099f9b2220
    - directory /srv/greentic/hello
    - directory /srv/greentic
    - directory /opt/greentic/hello/bundles
    - directory /opt/greentic/hello/bin
    - directory /opt/greentic/hello
    - directory /opt/greentic
    - directory /etc/greentic/hello/tls
    - directory /etc/greentic/hello
    - directory /etc/greentic
    = group greentic-hello  stays: the data is its own, and would be that of the next account with its number
    = user greentic-hello  stays: the data is its own, and would be that of the next account with its number
    = directory /var/lib/greentic  stays: it holds a directory with data
    = directory /var/lib/greentic/hello  stays: it holds a directory with data
    = directory /var/lib/greentic/hello/state  stays: it holds data
    = directory /var/log/greentic  stays: it holds a directory with data
    = directory /var/log/greentic/hello  stays: it holds data

    30 steps for `hello`: 0 to make, 0 to change, 23 to remove.
    ");
    destroy(&name, &mut machine, &mut recorded, Aim::Destroy, &[]);
    let observed = machine.observe(&to_observe(None, &recorded));
    let plan = plan_removal(&name, &observed, &recorded, Aim::Destroy);
    assert!(plan.is_empty(), "{plan:#?}");
}

#[test]
fn a_saved_plan_applies_to_the_state_that_it_was_made_from_only() {
    let (mut machine, mut recorded) = (Machine::fresh(), Recorded::default());
    let desired = Choice::USUAL.desired(&machine);
    let ids = to_observe(Some(&desired), &recorded);
    let plan = planned(&desired, &machine, &recorded);
    let text = serde_json::to_string(&plan).unwrap();
    let saved: Plan = serde_json::from_str(&text).unwrap();
    assert_eq!(saved, plan);
    assert!(saved.check(&machine.observe(&ids), &recorded).is_ok());
    run(&plan, 1, &mut machine, &mut recorded);
    let fault = saved.check(&machine.observe(&ids), &recorded).unwrap_err();
    assert_eq!(fault.kind, Kind::Conflict);
    let fault = saved.check(&Machine::fresh().observe(&ids), &recorded).unwrap_err();
    assert_eq!(fault.kind, Kind::Conflict, "another record");
    let text = serde_json::to_string(&recorded).unwrap();
    assert_eq!(serde_json::from_str::<Recorded>(&text).unwrap(), recorded);
}

#[test]
fn what_others_made_is_not_written_over() {
    let mut machine = Machine::fresh();
    let desired = Choice::USUAL.desired(&machine);
    let file = Actual::File {
        owner: root(),
        mode: single_vm::resource::Mode::new(0o644),
        digest: Digest::of(b"theirs"),
        text: None,
    };
    machine.things.insert(Id::File(file_of("greentic-hello.socket")), file);
    let link = Actual::Other { what: "a symbolic link".into() };
    machine.things.insert("directory:/var/cache/greentic/hello".parse().unwrap(), link);
    let recorded = Recorded::default();
    let observed = machine.observe(&to_observe(Some(&desired), &recorded));
    let fault = plan(&desired, &observed, &recorded).unwrap_err();
    assert_eq!(fault.kind, Kind::Conflict);
    assert_snapshot!(fault.message, @"on the machine something else stands in the way: directory /var/cache/greentic/hello: there is a symbolic link, which is not followed; file /etc/systemd/system/greentic-hello.socket: it was not made by this deployment");
}

#[test]
fn a_directory_of_others_is_given_back_as_it_was() {
    let fresh = Machine::fresh();
    let choice = Choice { state: Some("/data/state"), ..Choice::USUAL };
    let (mut machine, mut recorded) = applied(choice);
    let id = "directory:/data/state".parse().unwrap();
    assert_ne!(machine.things[&id], fresh.things[&id]);
    destroy(&"hello".parse().unwrap(), &mut machine, &mut recorded, Aim::Purge, &[]);
    assert_eq!(machine.things[&id], fresh.things[&id]);
}

#[test]
fn a_machine_that_cannot_have_it_says_every_reason() {
    let machine = Machine::fresh();
    let choice = Choice { runs: Runs::Image(Engine::Docker, 1), port: 80, ..Choice::USUAL };
    let facts = Facts {
        machine: single_vm::Machine {
            arch: "aarch64".into(),
            systemd: Some(239),
            mounts: MountBy::Nothing,
        },
        ..choice.facts(&machine)
    };
    let fault = desired(&choice.deployment(), &facts).unwrap_err();
    assert_eq!(
        (fault.kind, fault.details["reasons"].as_array().unwrap().len()),
        (Kind::Refused, 4)
    );
    assert_snapshot!(fault.message, @"the machine cannot have this deployment: the machine is `aarch64`, and the description says `x86_64`; its systemd is 239; the units need 247 or newer; it can mount no SquashFS: the kernel has no `squashfs` or no loop devices, and there is no `squashfuse`; Docker cannot be handed a socket, and its user none below 1024: 80");
    let none = single_vm::Machine { systemd: None, ..Choice::USUAL.facts(&machine).machine };
    let facts = Facts { machine: none, ..Choice::USUAL.facts(&machine) };
    let fault = desired(&Choice::USUAL.deployment(), &facts).unwrap_err();
    assert!(fault.message.contains("systemd does not run"), "{fault}");
}

#[test]
fn facts_of_another_bundle_are_refused() {
    let machine = Machine::fresh();
    let mut deployment = Choice::USUAL.deployment();
    deployment.spec.bundle.digest = Some(Digest::of(b"another"));
    let fault = desired(&deployment, &Choice::USUAL.facts(&machine)).unwrap_err();
    assert_eq!(fault.kind, Kind::Conflict);
    let image = Choice { runs: Runs::Image(Engine::Podman, 1), ..Choice::USUAL };
    assert!(desired(&Choice::USUAL.deployment(), &image.facts(&machine)).is_err());
}

/// The serials of authority, server and client that the machine should have.
fn serials(day: u16, last_serial: u32, issued: [Option<Issued>; 3]) -> Vec<String> {
    let [authority, server, client] = issued;
    let now = at(day);
    let certificates = CertificateFacts::Generated { now, last_serial, authority, server, client };
    let facts = Facts { certificates, ..Choice::USUAL.facts(&Machine::fresh()) };
    let desired = desired(&Choice::USUAL.deployment(), &facts).unwrap();
    let names = desired.resources.iter().filter_map(|resource| match resource {
        Resource::Certificate { path, .. } => path.as_str().rsplit_once('/').map(|it| it.1.into()),
        _ => None,
    });
    names.collect()
}

#[test]
fn certificates_are_made_anew_before_they_end() {
    let issued = |serial, by, day| Some(Issued { serial, by, not_after: at(day) });
    let all = [issued(1, 1, 3650), issued(1, 1, 397), issued(2, 1, 500)];
    let renewed = |day, issued| serials(day, 2, issued).join(" ");
    assert_eq!(renewed(0, [None; 3]), "authority-3 server-3 client-3");
    assert_eq!(renewed(367, all), "authority-1 server-1 client-2");
    assert_eq!(renewed(368, all), "authority-1 server-3 client-2");
    assert_eq!(renewed(368, [all[0], None, all[2]]), "authority-1 server-3 client-2");
    // An authority must outlive what it issues, and what it issued goes with it.
    let late = [all[0], issued(1, 1, 9000), issued(2, 1, 9000)];
    assert_eq!(renewed(3223, late), "authority-1 server-1 client-2");
    assert_eq!(renewed(3224, late), "authority-3 server-3 client-3");
    let others = [all[0], issued(2, 2, 500), all[2]];
    assert_eq!(renewed(0, others), "authority-1 server-3 client-2");
}

#[test]
fn an_unfinished_apply_is_not_taken_for_a_healthy_one() {
    let (mut machine, mut recorded) = (Machine::fresh(), Recorded::default());
    let desired = Choice::USUAL.desired(&machine);
    let plan = planned(&desired, &machine, &recorded);
    run(&plan, plan.steps.len() - 1, &mut machine, &mut recorded);
    let rest = planned(&desired, &machine, &recorded);
    let actions: Vec<&Action> = rest.steps.iter().map(|step| &step.action).collect();
    assert!(matches!(actions[..], [Action::Await(_)]), "{actions:?}");
}
