//! The SDK's enumerations: names in XML, numbers in JSON.
//!
//! # Source
//! `Microsoft.Xrm.Sdk`; a name's number is its place in the list.

pub(super) type Names = &'static [&'static str];

pub(super) static ENTITY_STATE: Names = &["Unchanged", "Created", "Changed"];
pub(super) static ENTITY_ROLE: Names = &["Referencing", "Referenced"];
pub(super) static LOGICAL_OPERATOR: Names = &["And", "Or"];
pub(super) static ORDER_TYPE: Names = &["Ascending", "Descending"];
#[rustfmt::skip]
pub(super) static JOIN_OPERATOR: Names = &[
    "Inner", "LeftOuter", "Natural", "MatchFirstRowUsingCrossApply", "In", "Exists", "Any", "NotAny", "All",
    "NotAll",
];
pub(super) static AGGREGATE_TYPE: Names = &["None", "Count", "CountColumn", "Sum", "Avg", "Min", "Max"];
#[rustfmt::skip]
pub(super) static DATE_GROUPING: Names = &[
    "None", "Day", "Week", "Month", "Quarter", "Year", "FiscalPeriod", "FiscalYear",
];
#[rustfmt::skip]
pub(super) static CONDITION_OPERATOR: Names = &[
    "Equal", "NotEqual", "GreaterThan", "LessThan", "GreaterEqual", "LessEqual", "Like", "NotLike", "In", "NotIn",
    "Between", "NotBetween", "Null", "NotNull", "Yesterday", "Today", "Tomorrow", "Last7Days", "Next7Days",
    "LastWeek", "ThisWeek", "NextWeek", "LastMonth", "ThisMonth", "NextMonth", "On", "OnOrBefore", "OnOrAfter",
    "LastYear", "ThisYear", "NextYear", "LastXHours", "NextXHours", "LastXDays", "NextXDays", "LastXWeeks",
    "NextXWeeks", "LastXMonths", "NextXMonths", "LastXYears", "NextXYears", "EqualUserId", "NotEqualUserId",
    "EqualBusinessId", "NotEqualBusinessId", "ChildOf", "Mask", "NotMask", "MasksSelect", "Contains",
    "DoesNotContain", "EqualUserLanguage", "NotOn", "OlderThanXMonths", "BeginsWith", "DoesNotBeginWith", "EndsWith",
    "DoesNotEndWith", "ThisFiscalYear", "ThisFiscalPeriod", "NextFiscalYear", "NextFiscalPeriod", "LastFiscalYear",
    "LastFiscalPeriod", "LastXFiscalYears", "LastXFiscalPeriods", "NextXFiscalYears", "NextXFiscalPeriods",
    "InFiscalYear", "InFiscalPeriod", "InFiscalPeriodAndYear", "InOrBeforeFiscalPeriodAndYear",
    "InOrAfterFiscalPeriodAndYear", "EqualUserTeams", "EqualUserOrUserTeams", "Under", "NotUnder", "UnderOrEqual",
    "Above", "AboveOrEqual", "EqualUserOrUserHierarchy", "EqualUserOrUserHierarchyAndTeams", "OlderThanXYears",
    "OlderThanXWeeks", "OlderThanXDays", "OlderThanXHours", "OlderThanXMinutes", "ContainValues",
    "DoesNotContainValues",
];

/// The enumeration of this name.
pub(super) fn of(name: &str) -> Option<Names> {
    Some(match name {
        "ConditionOperator" => CONDITION_OPERATOR,
        "EntityRole" => ENTITY_ROLE,
        "EntityState" => ENTITY_STATE,
        "JoinOperator" => JOIN_OPERATOR,
        "LogicalOperator" => LOGICAL_OPERATOR,
        "OrderType" => ORDER_TYPE,
        "XrmAggregateType" => AGGREGATE_TYPE,
        "XrmDateTimeGrouping" => DATE_GROUPING,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_the_sdks() {
        for (names, name, number) in [
            (ENTITY_STATE, "Changed", 2),
            (ENTITY_ROLE, "Referenced", 1),
            (CONDITION_OPERATOR, "Last7Days", 17),
            (CONDITION_OPERATOR, "EqualUserId", 41),
            (CONDITION_OPERATOR, "Contains", 49),
            (CONDITION_OPERATOR, "OlderThanXMonths", 53),
            (CONDITION_OPERATOR, "EqualUserOrUserTeams", 74),
            (CONDITION_OPERATOR, "EqualUserOrUserHierarchyAndTeams", 81),
            (CONDITION_OPERATOR, "DoesNotContainValues", 88),
        ] {
            assert_eq!(names.iter().position(|found| *found == name), Some(number), "{name}");
        }
    }
}
