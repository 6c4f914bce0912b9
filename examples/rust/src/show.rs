//! What a person looks at: funnel, schedule, aging, due list, warnings.

use crm::app::Session;
use crm::areas::contract::Contract;
use crm::areas::opportunity::OpportunityFunnel;
use crm::areas::settlement::{SettlementAging, SettlementProgress};
use crm::areas::warning::{CountWarnings, ListWarnings};
use crm::kernel::currency::Currency;
use crm::kernel::decimal::{Amount, Rate};
use crm::kernel::error::Result;
use crm::kernel::id::Id;
use crm::kernel::money::Money;
use crm::kernel::rounding::Rounding;
use rust_decimal::Decimal;

use crate::table::Table;

/// An amount as people write it.
fn money(amount: Amount, currency: Currency) -> String {
    Money::new(amount, currency).map_or_else(|_| amount.to_string(), |money| money.to_string())
}

/// A fraction as a percentage with one place.
fn percent(rate: Option<Rate>) -> String {
    rate.map_or_else(String::new, |rate| {
        format!("{} %", Rounding::HalfUp.round(rate.value() * Decimal::ONE_HUNDRED, 1))
    })
}

/// The funnel.
pub(crate) fn funnel(session: &Session) -> Result<()> {
    let funnel = session.run(OpportunityFunnel::default())?;
    println!("\nFunnel 销售漏斗: {}", funnel.pipeline_name);
    let mut table =
        Table::new(&["stage 阶段", ">open", ">amount 金额", ">weighted 加权", ">reached", ">conversion"]);
    for stage in &funnel.stages {
        let sums = |pick: fn(&crm::areas::opportunity::FunnelAmount) -> Amount| {
            let shown = stage.amounts.iter().map(|sum| money(pick(sum), sum.currency));
            shown.collect::<Vec<_>>().join(" + ")
        };
        table.row([
            stage.name.clone(),
            stage.count.to_string(),
            sums(|sum| sum.amount),
            sums(|sum| sum.weighted),
            stage.reached.to_string(),
            percent(stage.conversion),
        ]);
    }
    table.print();
    let closed = &funnel.closed;
    let won: Vec<String> = closed.won.amounts.iter().map(ToString::to_string).collect();
    println!(
        "  won {} ({}), lost {}, win rate {}",
        closed.won.count,
        won.join(" + "),
        closed.lost.count,
        percent(closed.win_rate)
    );
    Ok(())
}

/// A contract's schedule and how far it is settled.
pub(crate) fn schedule(session: &Session, contract: Id<Contract>) -> Result<()> {
    let progress = session.run(SettlementProgress { contract, as_of: None })?;
    println!("\nSchedule 结算计划: {} on {}", progress.number, progress.as_of);
    let mut table = Table::new(&[
        "#",
        "installment 节点",
        ">amount 金额",
        ">settled 已收",
        ">open 未收",
        "due 到期",
        ">late",
        "state",
    ]);
    for installment in &progress.installments {
        table.row([
            installment.seq.to_string(),
            installment.label.clone(),
            money(installment.amount, progress.currency),
            money(installment.settled, progress.currency),
            money(installment.open, progress.currency),
            installment.due_date.map_or_else(|| "open".to_owned(), |date| date.to_string()),
            installment.days_late.map_or_else(String::new, |days| days.to_string()),
            installment.status.to_string(),
        ]);
    }
    table.print();
    println!(
        "  progress 进度 {}: {} of {} settled, {} overdue",
        percent(progress.settled_share),
        money(progress.settled, progress.currency),
        money(progress.amount, progress.currency),
        money(progress.overdue, progress.currency)
    );
    Ok(())
}

/// Open amounts by days overdue.
pub(crate) fn aging(session: &Session) -> Result<()> {
    let report = session.run(SettlementAging::default())?;
    println!("\nAging 账龄 on {}", report.as_of);
    let mut table = Table::new(&[
        "customer 客户",
        ">total 合计",
        ">undated",
        ">not due 未到期",
        ">1-30",
        ">31-60",
        ">61-90",
        ">91+",
    ]);
    for row in &report.rows {
        let band =
            |at: usize| row.overdue.get(at).map_or_else(String::new, |amount| money(*amount, row.currency));
        table.row([
            row.customer_name.clone().unwrap_or_default(),
            money(row.total, row.currency),
            money(row.undated, row.currency),
            money(row.not_due, row.currency),
            band(0),
            band(1),
            band(2),
            band(3),
        ]);
    }
    table.print();
    Ok(())
}

/// What is due, late or ending, and how much else there is.
pub(crate) fn warnings(session: &Session) -> Result<()> {
    let rules = ["installment_overdue", "installment_due", "contract_ending"].map(str::to_owned).to_vec();
    let page = session.run(ListWarnings { rules, ..ListWarnings::default() })?;
    println!("\nWarnings 预警");
    let mut table = Table::new(&["rule", "level", "subject", "due", ">days late", ">amount 金额"]);
    for warning in &page.items {
        table.row([
            warning.rule.clone(),
            warning.level.to_string(),
            warning.title.clone(),
            warning.due_date.to_string(),
            warning.days_late.to_string(),
            warning
                .amount
                .zip(warning.currency)
                .map_or_else(String::new, |(amount, currency)| money(amount, currency)),
        ]);
    }
    table.print();
    let rules = vec!["opportunity_stalled".to_owned()];
    let stalled = session.run(CountWarnings { rules, ..CountWarnings::default() })?.total;
    println!("  and {stalled} opportunities that have not moved for long (停滞商机)");
    Ok(())
}
