//! The words of the reference pages, in both languages.

/// The language of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// English.
    English,
    /// Simplified Chinese.
    Chinese,
}

impl Language {
    pub(super) fn words(self) -> &'static Words {
        match self {
            Language::English => &ENGLISH,
            Language::Chinese => &CHINESE,
        }
    }

    pub(super) fn pick<'t>(self, english: &'t str, chinese: &'t str) -> &'t str {
        match self {
            Language::English => english,
            Language::Chinese => chinese,
        }
    }
}

pub(super) struct Words {
    pub(super) title: &'static str,
    pub(super) introduction: &'static str,
    pub(super) operations: &'static str,
    pub(super) types: &'static str,
    pub(super) types_about: &'static str,
    pub(super) datasets: &'static str,
    pub(super) datasets_about: &'static str,
    dataset: &'static str,
    pub(super) errors: &'static str,
    pub(super) errors_about: &'static str,
    pub(super) permission: &'static str,
    pub(super) everyone: &'static str,
    pub(super) comma: &'static str,
    pub(super) reads: &'static str,
    pub(super) writes: &'static str,
    pub(super) errors_of: &'static str,
    pub(super) input: &'static str,
    pub(super) output: &'static str,
    pub(super) given: &'static str,
    pub(super) request: &'static str,
    pub(super) response: &'static str,
    pub(super) input_head: &'static str,
    pub(super) field_head: &'static str,
    pub(super) error_head: &'static str,
    pub(super) yes: &'static str,
    pub(super) usually: &'static str,
    pub(super) or: &'static str,
    pub(super) between: &'static str,
    pub(super) any: &'static str,
    pub(super) id: &'static str,
    pub(super) integer: &'static str,
    pub(super) big: &'static str,
    pub(super) boolean: &'static str,
    pub(super) text: &'static str,
    pub(super) date: &'static str,
    pub(super) instant: &'static str,
    pub(super) decimal: &'static str,
    pub(super) labels: &'static str,
    pub(super) bytes: &'static str,
    pub(super) page_of: &'static str,
    pub(super) list_of: &'static str,
    pub(super) map_of: &'static str,
}

impl Words {
    pub(super) fn dataset_title(&self, name: &str) -> String {
        self.dataset.replace("{}", name)
    }
}

static ENGLISH: Words = Words {
    title: "# Reference\n",
    introduction: "
Generated from the operation catalogue by `cargo run -p crm-codegen -- write`. Every example was run on a new ledger
whose clock stands at 2026-03-02T01:00:00Z; `${admin}` is the id of its first user.

Values travel as JSON: an *id* is a UUID, a *decimal* and a *big integer* are texts (`\"1234.50\"`), a *date* is
`YYYY-MM-DD`, an *instant* is RFC 3339 in UTC. A *page* is `{\"items\": [...], \"next\": ...}`: the text in `next` goes
into `cursor` of the next request, and is null on the last page. A request with an unknown field is refused. Beside the
errors listed, every operation can fail with those of malformed requests, `denied`, and those of the store.
",
    operations: "Operations",
    types: "Types",
    types_about: "Objects and choices that operations take and return.",
    datasets: "Datasets",
    datasets_about: "What list filters, `query.rows`, `query.summary` and Arrow streams read. A dot follows a reference: `customer.name`.",
    dataset: "Dataset {}",
    errors: "Error codes",
    errors_about: "Numbers and names never change and are never reused. The kind says what a caller can do, and is the status of the C ABI and the class of the Python exception.",
    permission: "Permission: ",
    everyone: "every user",
    comma: "; ",
    reads: "reads",
    writes: "writes",
    errors_of: "Errors: ",
    input: "Input: ",
    output: "Returns: ",
    given: "After ",
    request: "Request:",
    response: "Answer:",
    input_head: "| field | type | required | meaning |\n|---|---|---|---|",
    field_head: "| field | type | always there |\n|---|---|---|",
    error_head: "| code | name | kind | English | 中文 |\n|---|---|---|---|---|",
    yes: "yes",
    usually: "Default: ",
    or: " or ",
    between: ", ",
    any: "any JSON",
    id: "id",
    integer: "integer",
    big: "big integer",
    boolean: "true or false",
    text: "text",
    date: "date",
    instant: "instant",
    decimal: "decimal",
    labels: "labels",
    bytes: "bytes",
    page_of: "page of ",
    list_of: "list of ",
    map_of: "object by name of ",
};

static CHINESE: Words = Words {
    title: "# 参考手册\n",
    introduction: "
本页由 `cargo run -p crm-codegen -- write` 根据操作目录生成。所有示例均在新建账套上实际运行,时钟固定为
2026-03-02T01:00:00Z;`${admin}` 是首个用户的标识。字段说明取自源代码,为英文。

数据以 JSON 传递:*标识*为 UUID,*小数*与*大整数*以文本表示(`\"1234.50\"`),*日期*为 `YYYY-MM-DD`,*时刻*为 UTC 的 RFC 3339
格式。*分页*为 `{\"items\": [...], \"next\": ...}`:将 `next` 填入下一次请求的 `cursor`,末页的 `next` 为 null。含有未知字段的请求会被拒绝。
除列出的错误外,任何操作还可能返回请求格式错误、`denied` 以及存储方面的错误。
",
    operations: "操作",
    types: "类型",
    types_about: "操作的输入与输出所用的对象和取值。",
    datasets: "数据集",
    datasets_about: "列表筛选、`query.rows`、`query.summary` 与 Arrow 数据流所读取的内容。用点号沿引用取值:`customer.name`。",
    dataset: "数据集 {}",
    errors: "错误代码",
    errors_about: "编号与名称固定不变,不会重复使用。类别说明调用方如何应对,即 C 接口的状态值与 Python 的异常类。",
    permission: "权限:",
    everyone: "所有用户",
    comma: ";",
    reads: "只读",
    writes: "写入",
    errors_of: "错误:",
    input: "输入:",
    output: "返回:",
    given: "前置步骤:",
    request: "请求:",
    response: "结果:",
    input_head: "| 字段 | 类型 | 必填 | 说明 |\n|---|---|---|---|",
    field_head: "| 字段 | 类型 | 必有值 |\n|---|---|---|",
    error_head: "| 编号 | 名称 | 类别 | English | 中文 |\n|---|---|---|---|---|",
    yes: "是",
    usually: "默认:",
    or: " 或 ",
    between: "、",
    any: "任意 JSON",
    id: "标识",
    integer: "整数",
    big: "大整数",
    boolean: "布尔",
    text: "文本",
    date: "日期",
    instant: "时刻",
    decimal: "小数",
    labels: "标签",
    bytes: "字节",
    page_of: "分页:",
    list_of: "列表:",
    map_of: "按名称的对象:",
};
