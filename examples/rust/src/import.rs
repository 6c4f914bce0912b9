//! Import of the sample files: customers as an ERP suite writes them, opportunities as a spreadsheet does.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use crm::app::Ledger;
use crm::areas::import::{
    ColumnMapping, Content, ImportKind, ImportReport, OnExisting, RunImport, TextEncoding,
};
use crm::areas::opportunity::rules::StageInput;
use crm::areas::opportunity::{CreatePipeline, StageKind};
use crm::kernel::decimal::Rate;
use crm::kernel::error::Result;

const CUSTOMERS: &[u8] = include_bytes!("../../data/customers_gb18030.csv");
const OPPORTUNITIES: &[u8] = include_bytes!("../../data/opportunities.csv");

/// Imports both files as the sales person.
pub(crate) fn customers_and_opportunities(ledger: &Ledger) -> Result<()> {
    let open = |name: &str, probability: i64| StageInput {
        name: name.to_owned(),
        probability: Some(Rate::from_scaled(probability * 10_000)),
        kind: StageKind::Open,
    };
    let end = |name: &str, kind: StageKind| StageInput { name: name.to_owned(), probability: None, kind };
    ledger.session("admin")?.run(CreatePipeline {
        name: "仪器销售".to_owned(),
        stages: vec![
            open("线索", 10),
            open("需求", 30),
            open("报价", 50),
            open("谈判", 80),
            end("成交", StageKind::Won),
            end("丢单", StageKind::Lost),
        ],
        default: true,
    })?;
    let seller = ledger.session("wang")?;
    let customers = seller.run(RunImport {
        mapping: vec![
            column("客户名称", "name"),
            column("等级", "level"),
            column("行业", "industry"),
            column("地区", "region"),
            column("统一社会信用代码", "credit_code"),
            column("电话", "phone"),
            column("标签", "tags"),
            always("owner", "wang"),
        ],
        ..file(ImportKind::Customer, CUSTOMERS, "客户编码")
    })?;
    tell("customers_gb18030.csv", &customers);
    let dated = |name: &str, field: &str| ColumnMapping {
        date_format: Some("%Y/%m/%d".to_owned()),
        ..column(name, field)
    };
    let opportunities = seller.run(RunImport {
        mapping: vec![
            column("商机名称", "name"),
            column("客户", "customer"),
            column("阶段", "stage"),
            column("预计金额", "expected_amount"),
            dated("开始日期", "opened_on"),
            dated("预计成交", "expected_close"),
            dated("结束日期", "closed_on"),
            column("成交金额", "closed_amount"),
            always("owner", "wang"),
        ],
        ..file(ImportKind::Opportunity, OPPORTUNITIES, "编号")
    })?;
    tell("opportunities.csv", &opportunities);
    Ok(())
}

fn file(kind: ImportKind, bytes: &[u8], key: &str) -> RunImport {
    RunImport {
        kind,
        content: Content::Base64(STANDARD.encode(bytes)),
        encoding: TextEncoding::Auto,
        delimiter: ",".to_owned(),
        system: "sample".to_owned(),
        key: key.to_owned(),
        mapping: Vec::new(),
        on_existing: OnExisting::Skip,
        dry_run: false,
        all_or_nothing: false,
    }
}

fn column(name: &str, field: &str) -> ColumnMapping {
    ColumnMapping { column: Some(name.to_owned()), field: field.to_owned(), ..ColumnMapping::default() }
}

fn always(field: &str, value: &str) -> ColumnMapping {
    ColumnMapping { field: field.to_owned(), default: Some(value.to_owned()), ..ColumnMapping::default() }
}

fn tell(file: &str, report: &ImportReport) {
    println!(
        "Imported {file} ({}): {} rows, {} created, {} unchanged, {} failed",
        report.encoding, report.rows, report.created, report.unchanged, report.failed
    );
    for error in report.errors.iter().take(3) {
        println!("  line {}: {}", error.row, error.error.message);
    }
}
