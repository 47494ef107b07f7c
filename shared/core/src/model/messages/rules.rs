//! What the rules of the field say: their names, what they decide, and why.

use super::catalogue;

catalogue! {
    /// A rule's name, an answer of it, or its reason.
    pub enum RuleSay {
        // The responsible body (DOMAIN 1.2).
        RuleDecoupled => "R1 脱钩的行业协会商会", "R1 decoupled industry association";
        RuleDual => "R2 双重管理", "R2 dual management";
        RuleLocal => "R3 属地管理", "R3 managed by its place";
        RuleComprehensive => "R4 综合党委兜底", "R4 the comprehensive committee takes the rest";
        WhyDecoupled { document: String } => "行业协会商会正在脱钩或已脱钩，按{document}的参数表确定", "an industry association that is being decoupled, or has been, goes by the table of {document}";
        WhyDual => "双重管理，由业务主管单位党组织或其行业党委负责", "under dual management the Party organization of the supervising unit, or its industry committee, is responsible";
        WhyLocal => "直接登记，所在乡级在登记管理机关范围内，按属地管理", "registered directly, in a township under its registration authority: managed by its place";
        WhyFiled => "备案社区社会组织，由属地网格负责", "a filed community organization is its grid's";
        WhyComprehensive => "没有业务主管单位，也没有明确的属地，由登记管理机关同级的综合党委兜底", "neither a supervising unit nor a place is clear, so the comprehensive committee at the level of its registration authority takes it";
        BodyPending => "待定", "not decided yet";
        BodySupervising { unit: String } => "{unit}党组织或其行业党委", "the Party organization of {unit}, or its industry committee";
        BodySupervisingUnnamed => "业务主管单位党组织（业务主管单位未填写）", "the Party organization of the supervising unit, which is not named";
        BodyLocal { place: String } => "{place}党（工）委", "the Party (work) committee of {place}";
        BodyLocalUnnamed => "属地党组织（所在乡级未填写）", "the Party organization of its place, which is not named";
        BodyComprehensive { place: String } => "{place}社会组织综合党委", "the comprehensive committee of {place}";
        BodyComprehensiveUnnamed => "社会组织综合党委（登记管理机关未填写）", "the comprehensive committee of its registration authority, which is not named";
        BodyIndustry { place: String } => "{place}行业党委", "the industry committee of {place}";
        BodyIndustryUnnamed => "行业党委（登记管理机关未填写）", "the industry committee of its registration authority, which is not named";

        // Should-build (N5b and 支部工作条例).
        ThreeFullTime => "专职工作人员中有3名以上正式党员，应单独组建（甬民党〔2018〕14号）", "three or more full members among the full-time staff: a Party organization of its own (document 14 of 2018)";
        ThreeWorking => "单位中有3名以上正式党员，应成立党支部（支部工作条例）", "three or more full members in the unit: a branch (regulations on branches)";
        CountFullTime { count: u32 } => "专职工作人员中有{count}名正式党员", "{count} full members among the full-time staff";
        CountWorking { count: u32 } => "单位中有{count}名正式党员（含兼职）", "{count} full members work here, full time or part time";

        // Coverage (DOMAIN 2.4 and 2.11).
        CoverSolo => "单独组建", "on its own";
        CoverJoint => "联合组建", "jointly";
        CoverAttached => "挂靠组建，不计入组织覆盖", "attached: not organization coverage";
        CoverDualFit => "兼合式（组织关系未转），不计入组织覆盖", "dual-fit, affiliation not moved: not organization coverage";
        CoverWorkGroup => "党的工作小组，计入工作覆盖，不计入组织覆盖", "a work group: work coverage, not organization coverage";
        CoverUnstated => "填写了党组织，组建方式未填写，不计入组织覆盖", "a Party organization is named, but not how it covers this unit: not organization coverage";
        CoverNothing => "没有党组织", "no Party organization";
        WorkOrganization => "组织覆盖", "organization coverage";
        WorkInstructor => "党建指导员（联络员）联系", "looked after by an instructor or liaison";
        NotFounded => "统计日之后成立", "founded after the date";
        NotNormal => "登记状态不是正常", "not in good standing";
        Filed => "备案社区社会组织", "filed, not registered";
        NotLegalPerson => "不是法人（合伙、个体）", "no legal person (partnership, individual)";
        Young => "成立不满六个月", "younger than six months";

        // Findings across records.
        SameCreditCode => "统一社会信用代码重复", "same credit code";
        SamePerson => "同一人有多条记录", "several records of one person";
        DoubtfulPerson => "疑似同一人", "perhaps one person";
        TwoAffiliations => "组织关系重复", "several current affiliations";
        OverdueElection => "超期未换届", "election overdue";
        WideJointBranch => "联合党支部覆盖单位过多", "joint branch of too many units";
        SmallBranch => "党支部正式党员不足", "too few full members in a branch";
        LargeBranch => "党支部党员过多", "too many members in a branch";
        OfferedElsewhere => "归属变更待接收", "offered to another owner";
        SuperiorCycle => "上级党组织循环", "superiors lead back to themselves";
        WhySameCreditCode { count: usize, uscc: String } => "{count}条社会组织记录的统一社会信用代码都是{uscc}", "{count} organizations have the credit code {uscc}";
        WhySamePerson { count: usize } => "{count}条人员记录的公民身份号码相同", "{count} records of people have the same identity number";
        WhyDoubtfulPerson { count: usize } => "{count}条人员记录的姓名、出生年月和所属区划相同，公民身份号码不全", "{count} records of people have the same name, month of birth and division, and not all have an identity number";
        WhyTwoAffiliations { count: usize } => "同时有{count}条有效的组织关系，按最近转入的一条统计", "{count} affiliations are current at once; the one that began last counts";
        WhyOverdueElection { end: String, days: i64 } => "任期已于{end}届满，超期{days}天", "the term ended on {end}, {days} days ago";
        WhyWideJointBranch { units: usize, most: usize } => "联合党支部覆盖{units}个单位，一般不超过{most}个", "a joint branch of {units} units, as a rule {most} at most";
        WhySmallBranch { found: usize, least: usize } => "党支部有{found}名正式党员，应不少于{least}名，不足的须经上级批准", "a branch of {found} full members; fewer than {least} need the superior's approval";
        WhyLargeBranch { found: usize, most: usize } => "党支部有{found}名正式党员，一般不超过{most}名，超过的须经上级批准", "a branch of {found} full members; more than {most} need the superior's approval";
        WhyOfferedElsewhere { to: String } => "写明归属{to}，填报单位无权转去，待共同的上级接收（record accept）", "it names {to} as owner, where its author may not write; somebody above both accepts it (record accept)";
        WhySuperiorCycle { count: usize } => "{count}个党组织互为上级", "{count} Party organizations are each other's superiors";
    }
}
