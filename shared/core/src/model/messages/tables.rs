//! What templates, exports and reports of refused rows say.

use super::catalogue;

catalogue! {
    /// Words and sentences in tables.
    pub enum TableSay {
        NotesSheet => "填写说明", "Notes";
        ReportSheet => "未导入的行", "Refused rows";
        ColumnName => "栏目", "Column";
        MustFill => "是否必填", "Required";
        HowToFill => "填写要求", "How to fill it in";
        Needed => "必填", "required";
        NeededUnless { choice: String } => "必填（{choice}除外）", "required (except {choice})";
        MayBeEmpty => "可不填", "optional";
        Choices { label: String } => "可选项：{label}", "Choices: {label}";
        Row => "行号", "Row";
        Content => "填写内容", "Value";
        Reason => "原因", "Reason";
        Remedy => "处理办法", "Remedy";
        NotShown => "（不显示）", "(not shown)";
        HintText { max: usize } => "文字，最多{max}个字", "text, at most {max} characters";
        HintCode { labels: String } => "从下拉列表中选择：{labels}", "choose from the list: {labels}";
        HintCodes { labels: String } => "可填多项，用顿号隔开：{labels}", "several may be given, with commas between: {labels}";
        HintMonth => "年月，例如 1985-01", "a month such as 1985-01";
        HintCitizen => "18位公民身份号码，单元格须为文本格式", "the identity number of 18 characters, in a text cell";
        HintComputed => "由系统计算，不必填写", "computed, leave it empty";
        HintPerson => "公民身份号码；本机登记的姓名没有重复时也可填姓名", "the identity number, or the name if only one here has it";
        HintOrganization => "统一社会信用代码或名称", "the credit code or the name";
        HintDivision => "行政区划代码或名称，例如 330203 或 海曙区", "code or name of a division, such as 330203 or 海曙区";
        HintDate => "日期，例如 2018-05-21", "a date such as 2018-05-21";
        HintMoney => "金额，例如 3万元 或 30000元；只写数字时单位为万元", "an amount such as 3万元 or 30000元; a bare number is 万元";
        HintInt => "整数", "a whole number";
        HintBool => "是 或 否", "是 (yes) or 否 (no)";
        HintUscc => "18位代码，单元格须为文本格式", "a code of 18 characters, in a text cell";
        HintRef { kind: String } => "{kind}的名称", "the name of a {kind}";
    }
}
