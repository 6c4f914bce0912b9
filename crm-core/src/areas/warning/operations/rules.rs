//! Rules: those of the library, those of the host, and their settings.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::app::{Cx, NOT_FOUND, STALE_VERSION};
use crate::areas::warning::model::{
    WarningDefinition, WarningRule, WarningScanned, WarningSetting, WarningSettings, WarningTiming,
};
use crate::areas::warning::rules::{
    BUILT_IN_MAX, NO_RULE, RULE_BUILT_IN, RULE_NAME_TAKEN, RULE_WRONG, built_in, check_settings,
};
use crate::areas::warning::watch::{check, check_recipients, named, rules};
use crate::catalog::{Access, Example, Given, Level, Operation};
use crate::kernel::error::{self, Code, Error, Result};
use crate::store::engine::Mode;
use crate::store::record::{Json, Record};

/// A step of examples: a rule of the host.
const GIVEN_RULE: Given = Given {
    save: "rule",
    call: "warning.define",
    input: r#"{"rule": {"name": "large_overdue", "label": "大额逾期", "dataset": "installment",
        "filter": {"at_least": ["open_amount", "100000"]}, "timing": "late", "date": "due_date",
        "title": ["contract_number", "label"], "customer_name": "customer_name",
        "amount": "open_amount", "currency": "currency", "levels": [{"from_days": 8, "level": "critical"}],
        "settings": {"lead": 3, "unit": "working_days", "recipients": {"owner": true, "unit_head": true}}}}"#,
};

/// A rule as it is in force.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WarningRuleInfo {
    /// Whether it is the library's own: it can be configured, not redefined or removed.
    pub built_in: bool,
    /// The version of a rule of the host.
    pub version: Option<u32>,
    /// What it says, with the settings in force.
    pub rule: WarningDefinition,
}

/// Defines a warning rule of the host's own, or defines it anew: a saved query that warns of what it finds.
///
/// Everything it names is checked against its datasets at once.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DefineWarning {
    /// The version you have read, to define a rule anew; left out for a new rule.
    #[serde(default)]
    pub version: Option<u32>,
    /// What it says.
    pub rule: WarningDefinition,
}

fn stale(expected: u32, actual: u32) -> Error {
    let error = Error::new(&STALE_VERSION).at("version").with("kind", "warning_rule");
    error.with("expected", expected).with("actual", actual)
}

/// Forgets what was set for a rule, and how far it was scanned.
fn forget(cx: &mut Cx<'_>, number: u32) -> Result<()> {
    let set = cx.query::<WarningSetting>().equal(WarningSetting::C.kind, number).first(cx.tx())?;
    if let Some(set) = set {
        cx.delete(&set)?;
    }
    let scanned = cx.query::<WarningScanned>().equal(WarningScanned::C.rule, number).first(cx.tx())?;
    scanned.map_or(Ok(()), |scanned| cx.delete(&scanned))
}

/// A rule warns from today on: what its date passes until the next scan is told of, what it has passed before is not. Only
/// rules ahead of a date need to know.
fn begin(cx: &mut Cx<'_>, number: u32, timing: WarningTiming) -> Result<()> {
    if timing != WarningTiming::Ahead {
        return Ok(());
    }
    let today = WarningScanned { rule: number, scanned_on: cx.today() };
    let scanned = cx.query::<WarningScanned>().equal(WarningScanned::C.rule, number).first(cx.tx())?;
    match scanned {
        Some(before) => cx.replace(&before, &today),
        None => cx.insert(&today),
    }
}

impl Operation for DefineWarning {
    type Output = WarningRuleInfo;
    const NAME: &'static str = "warning.define";
    const ZH: &'static str = "定义预警规则";
    const ACCESS: Access = Access::Level("warning", Level::Manage);
    const MODE: Mode = Mode::Write;
    const ERRORS: &'static [Code] = &[
        &RULE_WRONG,
        &RULE_NAME_TAKEN,
        &RULE_BUILT_IN,
        &NO_RULE,
        &STALE_VERSION,
        &NOT_FOUND,
        &error::EMPTY,
        &error::EMPTY_LIST,
    ];
    const EXAMPLE: Example = Example { given: &[], input: GIVEN_RULE.input };
    fn run(self, cx: &mut Cx<'_>) -> Result<WarningRuleInfo> {
        check(cx, &self.rule).map_err(|error| error.within("rule"))?;
        let name = self.rule.name.clone();
        let at = |code| Error::new(code).at("rule.name").with("name", &name);
        if built_in::rule(&name).is_some() {
            return Err(at(&RULE_BUILT_IN));
        }
        let before = cx.query::<WarningRule>().equal(WarningRule::C.name, name.clone()).first(cx.tx())?;
        let live = before.as_ref().filter(|rule| rule.removed_at.is_none());
        match (live, self.version) {
            (Some(_), None) => return Err(at(&RULE_NAME_TAKEN)),
            (None, Some(_)) => {
                let known = rules(cx)?;
                return Err(named(&known, &name).map_or_else(|error| error.at("rule.name"), |_| at(&NO_RULE)));
            }
            (Some(rule), Some(version)) if rule.version != version => {
                return Err(stale(version, rule.version));
            }
            _ => {}
        }
        let (timing, definition, removed_at) = (self.rule.timing, Json(self.rule), None);
        let rule = match &before {
            // A name that was removed keeps its number, so what is stored of its warnings is still known.
            Some(before) => {
                let version = before.version + 1;
                let after = WarningRule { definition, removed_at, version, ..before.clone() };
                cx.replace(before, &after)?;
                forget(cx, before.number)?;
                after
            }
            None => {
                let number = u32::try_from(cx.number("warning_rule")?).unwrap_or(u32::MAX);
                let number = number.saturating_add(BUILT_IN_MAX);
                let rule = WarningRule { number, name, definition, removed_at, version: 1 };
                cx.insert(&rule)?;
                rule
            }
        };
        begin(cx, rule.number, timing)?;
        Ok(WarningRuleInfo { built_in: false, version: Some(rule.version), rule: rule.definition.0 })
    }
}

/// Every warning rule, those of the library first, with the settings in force.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WarningRules {}

impl Operation for WarningRules {
    type Output = Vec<WarningRuleInfo>;
    const NAME: &'static str = "warning.rules";
    const ZH: &'static str = "预警规则列表";
    const ACCESS: Access = Access::Level("warning", Level::Read);
    const MODE: Mode = Mode::Read;
    const ERRORS: &'static [Code] = &[];
    const EXAMPLE: Example = Example { given: &[], input: "{}" };
    fn run(self, cx: &mut Cx<'_>) -> Result<Vec<WarningRuleInfo>> {
        let info = |rule: crate::areas::warning::watch::Rule| WarningRuleInfo {
            built_in: rule.version.is_none(),
            version: rule.version,
            rule: rule.definition,
        };
        Ok(rules(cx)?.into_iter().map(info).collect())
    }
}

/// Takes a rule of the host out of use. What is stored of its warnings stays, and comes back when a rule of the same name
/// is defined again.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RemoveWarning {
    /// The rule, by name.
    pub name: String,
    /// The version you have read.
    pub version: u32,
}

impl Operation for RemoveWarning {
    type Output = bool;
    const NAME: &'static str = "warning.remove";
    const ZH: &'static str = "删除预警规则";
    const ACCESS: Access = Access::Level("warning", Level::Manage);
    const MODE: Mode = Mode::Write;
    const ERRORS: &'static [Code] = &[&NO_RULE, &RULE_BUILT_IN, &STALE_VERSION];
    const EXAMPLE: Example =
        Example { given: &[GIVEN_RULE], input: r#"{"name": "large_overdue", "version": 1}"# };
    fn run(self, cx: &mut Cx<'_>) -> Result<bool> {
        let rule = named(&rules(cx)?, &self.name).map_err(|error| error.at("name"))?;
        let Some(version) = rule.version else {
            return Err(Error::new(&RULE_BUILT_IN).at("name").with("name", self.name));
        };
        if version != self.version {
            return Err(stale(self.version, version));
        }
        let before = cx.query::<WarningRule>().equal(WarningRule::C.number, rule.number).first(cx.tx())?;
        let Some(before) = before else { return Ok(false) };
        let after = WarningRule { removed_at: Some(cx.now()), version: version + 1, ..before.clone() };
        cx.replace(&before, &after)?;
        forget(cx, rule.number)?;
        Ok(true)
    }
}

/// Sets how early or late a rule warns, whom it tells and when it escalates, or switches it off.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConfigureWarning {
    /// The rule, by name: of the library or of the host.
    pub rule: String,
    /// What holds from now on, in whole.
    pub settings: WarningSettings,
}

impl Operation for ConfigureWarning {
    type Output = WarningRuleInfo;
    const NAME: &'static str = "warning.configure";
    const ZH: &'static str = "设置预警";
    const ACCESS: Access = Access::Level("warning", Level::Manage);
    const MODE: Mode = Mode::Write;
    const ERRORS: &'static [Code] = &[&NO_RULE, &RULE_WRONG, &NOT_FOUND, &error::OUT_OF_RANGE];
    const EXAMPLE: Example = Example {
        given: &[],
        input: r#"{"rule": "installment_overdue", "settings": {"lead": 0, "recipients": {"owner": true},
            "escalation": {"after_working_days": 3, "recipients": {"unit_head": true}, "level": "critical"}}}"#,
    };
    fn run(self, cx: &mut Cx<'_>) -> Result<WarningRuleInfo> {
        let mut rule = named(&rules(cx)?, &self.rule).map_err(|error| error.at("rule"))?;
        check_settings(&self.settings, rule.definition.timing).map_err(|error| error.within("settings"))?;
        let at = |error: Error, path: &str| error.within(path.to_owned());
        check_recipients(cx, &self.settings.recipients).map_err(|error| at(error, "settings.recipients"))?;
        if let Some(escalation) = &self.settings.escalation {
            check_recipients(cx, &escalation.recipients)
                .map_err(|error| at(error, "settings.escalation.recipients"))?;
        }
        if self.settings.enabled && !rule.definition.settings.enabled {
            begin(cx, rule.number, rule.definition.timing)?;
        }
        let WarningSettings { lead, unit, enabled, recipients, escalation } = self.settings.clone();
        let after = WarningSetting {
            kind: rule.number,
            lead,
            unit,
            enabled,
            recipients: Some(Json(recipients)),
            escalation: escalation.map(Json),
        };
        let before =
            cx.query::<WarningSetting>().equal(WarningSetting::C.kind, rule.number).first(cx.tx())?;
        match before {
            Some(before) => cx.replace(&before, &after)?,
            None => cx.insert(&after)?,
        }
        rule.definition.settings = self.settings;
        let built_in = rule.version.is_none();
        Ok(WarningRuleInfo { built_in, version: rule.version, rule: rule.definition })
    }
}
