//! One contract from a won opportunity to the last payment, with a late, a partial and an excess receipt on the way.

use crm::app::{Ledger, ListRequest};
use crm::areas::contract::{
    AcceptContract, ApproveContract, CompleteContract, Contract, ContractData, CreateContract,
    DeliverContract, LineData, PaymentTerm, SignContract, SubmitContract, TermAnchor, TermOffset, TermShare,
};
use crm::areas::invoice::rules::tax::TaxRounding;
use crm::areas::invoice::{
    InvoiceCover, InvoiceData, InvoiceKind, InvoiceThreeWay, IssueInvoice, IssueSource,
};
use crm::areas::opportunity::{ListOpportunities, WinOpportunity};
use crm::areas::party::Customer;
use crm::areas::settlement::{AllocationRequest, PostReceipt, ReceiptMethod, ReverseReceipt};
use crm::kernel::calendar::Shift;
use crm::kernel::date::{Date, Instant, parse_date};
use crm::kernel::decimal::{Amount, Price, Quantity, Rate};
use crm::kernel::error::{self, Error, Result};
use crm::kernel::id::Id;
use crm::kernel::words::rmb_capital;
use crm::store::expr::{Expr, Operand};

use crate::cast::Cast;
use crate::show;

/// Tells it.
pub(crate) fn tell(ledger: &Ledger, cast: &Cast) -> Result<()> {
    let customer = win(cast)?;
    let contract = sign(ledger, cast, customer)?;
    show::schedule(&cast.seller, contract.id)?;

    step(ledger, "2026-03-20", "the advance payment comes, late and short of 10,000 (预付款迟到且不足)")?;
    receive(cast, &contract, "2026-03-20", "110000", ReceiptMethod::BankTransfer)?;
    step(ledger, "2026-04-10", "the goods are delivered (到货)")?;
    let contract = cast.seller.run(DeliverContract {
        id: contract.id,
        version: version(cast, contract.id)?,
        delivered_on: Some(parse_date("2026-04-10")?),
        part: None,
    })?;
    step(ledger, "2026-04-28", "the customer accepts (验收)")?;
    let contract = cast.seller.run(AcceptContract {
        id: contract.id,
        version: contract.version,
        accepted_on: Some(parse_date("2026-04-28")?),
    })?;
    show::schedule(&cast.seller, contract.id)?;
    invoice(cast, &contract)?;
    show::aging(&cast.manager)?;
    show::warnings(&cast.manager)?;

    step(ledger, "2026-05-15", "a receipt is posted by mistake and reversed (误记后红冲)")?;
    let wrong = receive(cast, &contract, "2026-05-15", "5000", ReceiptMethod::Cash)?;
    let mirror = cast.manager.run(ReverseReceipt {
        id: wrong.0,
        version: wrong.1,
        reason: "客户名称记错".to_owned(),
        date: None,
    })?;
    println!("  {} cancels it; what it had closed is open again", mirror.receipt.number);

    step(
        ledger,
        "2026-06-05",
        "everything but the retention is paid, and 1,000 of it (除质保金外付清,质保金先付 1000)",
    )?;
    receive(cast, &contract, "2026-06-05", "271000", ReceiptMethod::BankTransfer)?;
    show::schedule(&cast.seller, contract.id)?;
    step(
        ledger,
        "2027-05-06",
        "the retention is paid, with 500 too much, kept as an advance (质保金付清,多付 500 转预收)",
    )?;
    receive(cast, &contract, "2027-05-06", "19500", ReceiptMethod::BankTransfer)?;
    show::schedule(&cast.seller, contract.id)?;
    let done = cast.manager.run(CompleteContract {
        id: contract.id,
        version: version(cast, contract.id)?,
        ended_on: None,
    })?;
    println!(
        "\n{} {} is {}; 合同金额人民币{}",
        done.number,
        done.title,
        done.status,
        rmb_capital(done.amount)?
    );
    let entries = ledger.session("admin")?.run(crm::areas::ledger::VerifyAudit {})?;
    println!("{} audit entries, chain unbroken 审计链完整", entries.0);
    Ok(())
}

/// Invoices all of the contract, and sets it beside the money.
fn invoice(cast: &Cast, contract: &Contract) -> Result<()> {
    let data = InvoiceData {
        contract: contract.id,
        kind: InvoiceKind::VatSpecial,
        number: None,
        planned_on: None,
        cover: InvoiceCover::Rest,
        rounding: TaxRounding::PerLine,
        buyer_name: None,
        buyer_credit_code: Some("91350100M000100Y43".to_owned()),
        note: None,
    };
    let issued = cast.manager.run(IssueInvoice {
        of: IssueSource::New(data),
        issued_number: Some("26332000000012345678".to_owned()),
        issued_on: None,
        rate_reason: None,
        buyer_name: None,
        buyer_credit_code: None,
    })?;
    let invoice = issued.invoice;
    println!("  {} 发票: 不含税 {} + 税额 {} = {}", invoice.number, invoice.net, invoice.tax, invoice.gross);
    let view = cast.manager.run(InvoiceThreeWay { contract: Some(contract.id), list: None })?;
    for row in view.items {
        println!(
            "  合同 {}  已开票 {}  已收款 {}  已开票未收款 {}",
            row.amount, row.invoiced, row.received, row.invoiced_not_received
        );
    }
    Ok(())
}

/// Time passes.
fn step(ledger: &Ledger, date: &str, what: &str) -> Result<()> {
    ledger.set_clock(Instant::parse(&format!("{date}T02:00:00Z"))?)?;
    println!("\n{date}  {what}");
    Ok(())
}

/// Wins the largest open opportunity whose customer is known.
fn win(cast: &Cast) -> Result<Id<Customer>> {
    use crm::store::dataset::SortBy;
    use crm::store::plan::Direction;
    let open = Expr::Equal("status".to_owned(), Operand::Text("open".to_owned()));
    let known = Expr::Present("customer".to_owned());
    let page = cast.seller.run(ListOpportunities(ListRequest {
        filter: Some(Expr::And(vec![open, known])),
        sort: vec![SortBy { field: "expected_amount".to_owned(), direction: Direction::Descending }],
        limit: Some(1),
        cursor: None,
    }))?;
    let none = || Error::new(&error::EMPTY_LIST).at("opportunities");
    let opportunity = page.items.into_iter().next().ok_or_else(none)?;
    let won = cast.seller.run(WinOpportunity {
        id: opportunity.id,
        version: opportunity.version,
        closed_on: None,
        closed_amount: None,
        reason: Some("性能领先".to_owned()),
    })?;
    println!("\nWon {} {}", won.number, won.name);
    won.customer.ok_or_else(none)
}

/// Writes the contract, has it approved by the manager, and signs it.
fn sign(ledger: &Ledger, cast: &Cast, customer: Id<Customer>) -> Result<Contract> {
    let term = |label: &str, share: TermShare, anchor: TermAnchor, offset: TermOffset| PaymentTerm {
        label: Some(label.to_owned()),
        offset,
        shift: Shift::Forward,
        ..PaymentTerm::new(share, anchor)
    };
    let line = |description: &str, quantity: &str, unit: &str, price: &str, tax: &str| -> Result<LineData> {
        Ok(LineData {
            product: None,
            description: Some(description.to_owned()),
            quantity: Quantity::parse(quantity)?,
            unit: Some(unit.to_owned()),
            unit_price: Price::parse(price)?,
            discount: Rate::ZERO,
            tax_rate: Some(Rate::parse(tax)?),
        })
    };
    let draft = cast.seller.run(CreateContract(ContractData {
        starts_on: Some(parse_date("2026-03-01")?),
        ends_on: Some(parse_date("2027-05-31")?),
        lines: vec![
            line("液相色谱仪", "2", "台", "180000", "0.13")?,
            line("安装与培训", "1", "项", "40000", "0.06")?,
        ],
        terms: Some(vec![
            term("预付款", TermShare::Rate(Rate::parse("0.3")?), TermAnchor::Signed, TermOffset::Days(7)),
            term(
                "到货款",
                TermShare::Rate(Rate::parse("0.4")?),
                TermAnchor::Delivered,
                TermOffset::WorkingDays(10),
            ),
            term(
                "验收款",
                TermShare::Rate(Rate::parse("0.25")?),
                TermAnchor::Accepted,
                TermOffset::Months(1),
            ),
            // Next year's working days are not published yet, so nothing can be shifted there.
            PaymentTerm {
                shift: Shift::None,
                ..term("质保金", TermShare::Balance, TermAnchor::Accepted, TermOffset::Months(12))
            },
        ]),
        ..ContractData::new("液相色谱系统采购", customer)
    }))?;
    let submitted =
        cast.seller.run(SubmitContract { id: draft.id, version: draft.version, opinion: None })?;
    let approved = cast.manager.run(ApproveContract {
        id: draft.id,
        version: submitted.version,
        opinion: Some("同意,按期收款".to_owned()),
    })?;
    step(ledger, "2026-03-04", "the contract is signed and takes effect (签订生效)")?;
    let today: Date = parse_date("2026-03-04")?;
    let signed = cast.seller.run(SignContract {
        id: draft.id,
        version: approved.version,
        signed_on: Some(today),
        effective_on: Some(today),
        rate: None,
    })?;
    println!("  {} {} 人民币{}", signed.number, signed.title, rmb_capital(signed.amount)?);
    Ok(signed)
}

fn version(cast: &Cast, contract: Id<Contract>) -> Result<u32> {
    Ok(cast.seller.run(crm::areas::contract::GetContract { id: contract })?.contract.version)
}

/// Posts a receipt for the contract and says what it settled.
fn receive(
    cast: &Cast,
    contract: &Contract,
    date: &str,
    amount: &str,
    method: ReceiptMethod,
) -> Result<(Id<crm::areas::settlement::Receipt>, u32)> {
    let posted = cast.seller.run(PostReceipt {
        date: Some(parse_date(date)?),
        method,
        allocate: AllocationRequest::Contracts(vec![contract.id]),
        ..PostReceipt::new(contract.customer, Amount::parse(amount)?)
    })?;
    let parts: Vec<String> =
        posted.allocations.iter().map(|part| format!("#{} {}", part.installment, part.amount)).collect();
    println!("  {} settles {}; advance {}", posted.receipt.number, parts.join(", "), posted.receipt.advance);
    Ok((posted.receipt.id, posted.receipt.version))
}
