"""A sale from customer to contract, and its figures. 从客户到合同的一笔销售,以及统计。

python examples/python/story.py [company.crm]
"""

import datetime as dt
import importlib.util
import os
import sys
import tempfile
from decimal import Decimal
from pathlib import Path
from typing import Literal

import crm


def story(session: crm.Session) -> None:
    # A customer and the person who decides. 客户与决策人。
    customer = session.customer.create(name="杭州云栖仪器有限公司", level="B", tags=["展会"])
    session.contact.create(customer=customer.id, name="李敏", role="decision_maker", mobile="13800000001")

    # What we sell; prices are decimals, never floats. 产品:价格一律用十进制。
    product = session.product.create(
        code="SP-900", name="光谱仪", unit="台", list_price=Decimal("128000.00"), tax_rate=Decimal("0.13")
    )

    # All or nothing: the contract with its lines and terms. 合同、明细与付款条款要么全部保存,要么全部不存。
    with session.transaction() as tx:
        contract = tx.contract.create(
            title="光谱仪采购合同",
            customer=customer.id,
            lines=[
                {
                    "description": product.name,
                    "product": product.id,
                    "quantity": 2,
                    "unit_price": product.list_price,
                    "discount": "0.05",
                    "tax_rate": product.tax_rate,
                }
            ],
            terms=[
                {"label": "预付款", "share": {"rate": "0.3"}, "anchor": {"date": dt.date(2026, 4, 1)}},
                {"label": "尾款", "share": "balance", "anchor": {"date": dt.date(2026, 9, 30)}},
            ],
        )
    print(contract.number, contract.title, contract.amount, contract.currency)
    for installment in session.contract.get(contract.id).installments:
        print(f"  {installment.label} {installment.due_date} {installment.amount}")

    # An error says what, where and why. 出错时说明是什么、在哪里、为什么。
    try:
        session.product.create(code="X", name="X", unit="台", list_price=99.9)  # type: ignore[arg-type]
    except crm.InvalidError as error:
        print(error.name, error.field, error.message)

    # Filters take dates, decimals and ids. 筛选条件可直接使用日期、金额与标识。
    for found in session.contract.iterate(filter={"at_least": ["amount", Decimal(100000)]}):
        print(found.title, found.status)

    figures(session)


def figures(session: crm.Session) -> None:
    # Sums are exact. 汇总是精确的。
    for row in session.summary(
        "contract",
        group_by=[{"field": "customer.name"}],
        measures=[{"count": "contracts"}, {"sum": "amount"}],
    ):
        print(row["customer.name"], row["contracts"], row["sum_amount"])

    # Any Arrow library takes a dataset as it is. 任何支持 Arrow 的库都能直接读取。
    rows = session.arrow("contract", ["title", "amount", "customer.name"])
    if importlib.util.find_spec("polars"):
        import polars as pl

        print(pl.DataFrame(rows))
    if importlib.util.find_spec("pandas") and importlib.util.find_spec("pyarrow"):
        import pandas as pd

        print(pd.DataFrame.from_arrow(rows))


def main() -> None:
    locale: Literal["en", "zh"] = "zh" if os.environ.get("CRM_LOCALE") == "zh" else "en"
    with tempfile.TemporaryDirectory() as folder:
        path = sys.argv[1] if len(sys.argv) > 1 else Path(folder) / "story.crm"
        with (
            crm.open(path, name="示例公司", locale=locale) as ledger,
            ledger.session("admin") as session,
        ):
            story(session)


if __name__ == "__main__":
    main()
