//! Imports a public sales data set and compares the totals with those published for it.
//!
//! The data is not ours to copy: it is read from `data/crm-opportunities` of the shared folder.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Instant as Stopwatch;

use crm::app::{GroupBy, ListRequest, Measure, Session, Summary};
use crm::areas::access::{CreateRole, CreateUnit, CreateUser, DataScope};
use crm::areas::import::{ColumnMapping, Content, ImportKind, ImportReport, OnExisting, RunImport};
use crm::areas::ledger::{QuerySummary, VerifyAudit};
use crm::areas::opportunity::rules::StageInput;
use crm::areas::opportunity::{CreatePipeline, ListOpportunities, OpportunityFunnel, StageKind};
use crm::areas::party::ListCustomers;
use crm::catalog::Level;
use crm::kernel::currency::Currency;
use crm::kernel::date::Instant;
use crm::kernel::money::Money;
use crm::store::expr::{Expr, Operand, Period};
use crm::{ClockOption, OpenOptions};
use serde_json::json;

fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let bits = (0..3).fold(0_usize, |bits, at| bits << 8 | usize::from(*three.get(at).unwrap_or(&0)));
        for at in 0..4 {
            let digit = char::from(ALPHABET[bits >> (18 - 6 * at) & 63]);
            text.push(if at > three.len() { '=' } else { digit });
        }
    }
    text
}

/// A file as its publisher gives it: with a byte-order mark.
fn content(path: &Path) -> Content {
    let mut bytes = fs::read(path).unwrap();
    if !bytes.starts_with(b"\xEF\xBB\xBF") {
        bytes.splice(0..0, *b"\xEF\xBB\xBF");
    }
    Content::Base64(base64(&bytes))
}

fn map(column: &str, field: &str) -> ColumnMapping {
    ColumnMapping { column: Some(column.to_owned()), field: field.to_owned(), ..ColumnMapping::default() }
}

fn translated(column: &str, field: &str, from: &str, to: &str) -> ColumnMapping {
    ColumnMapping { values: BTreeMap::from([(from.to_owned(), to.to_owned())]), ..map(column, field) }
}

fn american(column: &str, field: &str) -> ColumnMapping {
    ColumnMapping { date_format: Some("%m/%d/%Y".to_owned()), ..map(column, field) }
}

fn constant(field: &str, value: &str) -> ColumnMapping {
    ColumnMapping { column: None, default: Some(value.to_owned()), ..map("", field) }
}

fn import(session: &Session, request: RunImport) -> ImportReport {
    let begun = Stopwatch::now();
    let kind = request.kind;
    let report = session.run(request).unwrap();
    println!(
        "{kind}: {} rows, {} created, {} updated, {} unchanged, {} failed in {} ms",
        report.rows,
        report.created,
        report.updated,
        report.unchanged,
        report.failed,
        begun.elapsed().as_millis()
    );
    assert_eq!(report.encoding, "utf8");
    report
}

fn teams(session: &Session, folder: &Path) -> usize {
    let role = session
        .run(CreateRole {
            name: "sales".to_owned(),
            scope: DataScope::Own,
            levels: BTreeMap::from([
                ("opportunity".to_owned(), Level::Edit),
                ("party".to_owned(), Level::Read),
            ]),
            permissions: Vec::new(),
        })
        .unwrap();
    let text = fs::read_to_string(folder.join("sales_teams.csv")).unwrap();
    let mut units = BTreeMap::new();
    let mut agents = 0;
    for line in text.trim_start_matches('\u{feff}').lines().skip(1) {
        let [agent, _, office] = line.split(',').collect::<Vec<_>>()[..] else { panic!("{line}") };
        let unit = *units.entry(office.to_owned()).or_insert_with(|| {
            session.run(CreateUnit { name: office.to_owned(), parent: None, head: None }).unwrap().id
        });
        let user = CreateUser {
            login: agent.to_lowercase().replace(' ', "."),
            name: agent.to_owned(),
            unit: Some(unit),
            roles: vec![role.id],
        };
        session.run(user).unwrap();
        agents += 1;
    }
    agents
}

#[test]
fn the_published_totals_come_out() {
    let Some(folder) = crm_shared::path("data/crm-opportunities") else { return };
    let place = tempfile::tempdir().unwrap();
    let options = OpenOptions {
        clock: ClockOption::Manual(Instant::parse("2026-03-02T01:00:00Z").unwrap()),
        ..OpenOptions::default()
    };
    let ledger = crm::open(&place.path().join("real.crm").to_string_lossy(), &options).unwrap();
    let session = ledger.session("admin").unwrap();
    let request = |kind, file: &str, key: &str, mapping| RunImport {
        kind,
        content: content(&folder.join(file)),
        encoding: Default::default(),
        delimiter: ",".to_owned(),
        system: "dataset".to_owned(),
        key: key.to_owned(),
        mapping,
        on_existing: OnExisting::Skip,
        dry_run: false,
        all_or_nothing: false,
    };
    println!("{} agents", teams(&session, &folder));
    let open = |name: &str, probability: &str| StageInput {
        name: name.to_owned(),
        probability: probability.parse().ok(),
        kind: StageKind::Open,
    };
    let end = |name: &str, kind| StageInput { name: name.to_owned(), probability: None, kind };
    session
        .run(CreatePipeline {
            name: "B2B".to_owned(),
            stages: vec![
                open("Prospecting", "0.1"),
                open("Engaging", "0.4"),
                end("Closed won", StageKind::Won),
                end("Closed lost", StageKind::Lost),
            ],
            default: true,
        })
        .unwrap();

    let customers = vec![
        map("account", "name"),
        translated("sector", "industry", "technolgy", "technology"),
        map("office_location", "region"),
        constant("stage", "active"),
    ];
    let customers = request(ImportKind::Customer, "accounts.csv", "account", customers);
    assert_eq!(import(&session, customers.clone()).created, 85);
    let corrected = Expr::Equal("industry".to_owned(), Operand::Text("technology".to_owned()));
    let list = ListRequest { filter: Some(corrected), ..ListRequest::default() };
    assert_eq!(session.run(ListCustomers(list)).unwrap().items.len(), 12);

    let products = vec![
        map("product", "name"),
        map("series", "line"),
        map("sales_price", "list_price"),
        constant("currency", "USD"),
    ];
    assert_eq!(
        import(&session, request(ImportKind::Product, "products.csv", "product", products)).created,
        7
    );

    let mut stage = map("deal_stage", "stage");
    stage.values = [("Won", "Closed won"), ("Lost", "Closed lost")]
        .map(|(from, to)| (from.to_owned(), to.to_owned()))
        .into();
    let mapping = vec![
        map("opportunity_id", "name"),
        map("sales_agent", "owner"),
        translated("product", "product", "GTXPro", "GTX Pro"),
        map("account", "customer"),
        stage,
        american("engage_date", "opened_on"),
        american("close_date", "closed_on"),
        map("close_value", "closed_amount"),
        constant("currency", "USD"),
    ];
    let opportunities =
        request(ImportKind::Opportunity, "sales_pipeline.csv", "opportunity_id", mapping.clone());

    // Without the correction of the product's name its 1,480 rows fail, told by line and column.
    let mut uncorrected = opportunities.clone();
    uncorrected.mapping[2] = map("product", "product");
    uncorrected.dry_run = true;
    let report = import(&session, uncorrected);
    assert_eq!((report.created, report.failed, report.written), (7320, 1480, false));
    assert_eq!(report.errors.len(), 1000);
    assert_eq!((report.errors[0].row, report.errors[0].column.as_deref()), (3, Some("product")));
    assert_eq!(report.errors[0].error.name, "name_unknown");

    let report = import(&session, opportunities.clone());
    assert_eq!((report.rows, report.created, report.failed), (8800, 8800, 0), "{:?}", report.errors.first());
    // Again: nothing is created twice, and nothing differs.
    assert_eq!(import(&session, opportunities.clone()).unchanged, 8800);
    let again = RunImport { on_existing: OnExisting::Update, ..opportunities };
    let report = import(&session, again);
    assert_eq!((report.unchanged, report.failed), (8800, 0), "{:?}", report.errors.first());
    let report = import(&session, RunImport { on_existing: OnExisting::Update, ..customers });
    assert_eq!(report.unchanged, 85);

    let begun = Stopwatch::now();
    let funnel = session.run(OpportunityFunnel::default()).unwrap();
    println!("funnel in {} µs", begun.elapsed().as_micros());
    let stages: Vec<(&str, u32)> =
        funnel.stages.iter().map(|stage| (stage.name.as_str(), stage.count)).collect();
    let (won, lost) = (&funnel.closed.won, &funnel.closed.lost);
    println!("{stages:?}, won {} for {:?}, lost {}", won.count, won.amounts, lost.count);
    assert_eq!(stages, [("Prospecting", 500), ("Engaging", 1589)]);
    assert_eq!((won.count, lost.count), (4238, 2473));
    assert_eq!(won.amounts, [Money::parse("10005534", Currency::USD).unwrap()]);
    assert_eq!(funnel.closed.win_rate.unwrap().to_string(), "0.631501");

    let quarters = session
        .run(QuerySummary(Summary {
            dataset: "opportunity".to_owned(),
            group_by: vec![GroupBy { field: "closed_on".to_owned(), period: Some(Period::Quarter) }],
            measures: vec![Measure::Count("won".to_owned()), Measure::Sum("closed_amount".to_owned())],
            filter: Some(Expr::Equal("status".to_owned(), Operand::Text("won".to_owned()))),
        }))
        .unwrap();
    println!("{}", serde_json::to_string(&quarters).unwrap());
    let counts: Vec<_> = quarters.iter().map(|quarter| (&quarter["closed_on"], &quarter["won"])).collect();
    assert_eq!(
        json!(counts),
        json!([
            ["2017-01-01", "531"],
            ["2017-04-01", "1254"],
            ["2017-07-01", "1257"],
            ["2017-10-01", "1196"]
        ])
    );
    // The funnel of a quarter says the same.
    let quarter = OpportunityFunnel {
        close_from: "2017-04-01".parse().ok(),
        close_to: "2017-06-30".parse().ok(),
        ..OpportunityFunnel::default()
    };
    assert_eq!(session.run(quarter).unwrap().closed.won.count, 1254);

    let unknown = Expr::Empty("customer".to_owned());
    let open_alone =
        Expr::And(vec![unknown.clone(), Expr::Equal("status".to_owned(), Operand::Text("open".to_owned()))]);
    for filter in [unknown, open_alone] {
        let summary = Summary {
            dataset: "opportunity".to_owned(),
            group_by: Vec::new(),
            measures: vec![Measure::Count("rows".to_owned())],
            filter: Some(filter),
        };
        assert_eq!(session.run(QuerySummary(summary)).unwrap()[0]["rows"], "1425");
    }

    // An agent sees the own ones alone.
    let agent = ledger.session("darcel.schlecht").unwrap();
    let own = agent.run(OpportunityFunnel::default()).unwrap();
    let text = fs::read_to_string(folder.join("sales_pipeline.csv")).unwrap();
    let count = |stage: &str| {
        let theirs = text.lines().filter(|line| line.contains(",Darcel Schlecht,"));
        u32::try_from(theirs.filter(|line| line.contains(&format!(",{stage},"))).count()).unwrap()
    };
    println!("Darcel Schlecht: won {}, lost {}", own.closed.won.count, own.closed.lost.count);
    assert_eq!((own.closed.won.count, own.closed.lost.count), (count("Won"), count("Lost")));
    let page = ListRequest { limit: Some(1000), ..ListRequest::default() };
    let listed = agent.run(ListOpportunities(page)).unwrap().items;
    assert!(listed.iter().all(|opportunity| opportunity.owner == listed[0].owner) && !listed.is_empty());
    println!("audit: {} entries, chain whole", session.run(VerifyAudit {}).unwrap().0);
}
