//! What can be wrong with a value, a record, a row or a file, and what to do about it.

use super::troubles;

troubles! {
    /// One trouble: a reason and a remedy.
    pub enum Trouble {
        Missing => "必填项没有填写", "a required field is empty"; "请填写后再保存", "fill it in";
        TooLong { max: usize, found: usize } => "最多{max}个字，现有{found}个字", "at most {max} characters, found {found}";
            "请缩短后再填", "shorten it";
        Invisible => "含有不可见的控制字符", "contains invisible control characters"; "请重新键入该内容，不要从其他程序粘贴", "type it anew instead of pasting it";
        NotANumber => "不是整数", "not a whole number"; "请只填写数字，例如 12", "write digits only, such as 12";
        OutOfRange { min: i64, max: i64 } => "数值超出范围（{min} 至 {max}）", "outside {min} to {max}"; "请核对数值", "check the number";
        NotADate => "不是有效的日期", "not a date of the calendar"; "请写成 2018-05-21 或 2018年5月21日", "write it as 2018-05-21";
        NotAMonth => "不是有效的年月", "not a month of the calendar"; "请写成 1985-01 或 1985年1月", "write it as 1985-01";
        NotTyped => "这一项由系统计算", "this field is computed"; "请不要填写", "leave it empty";
        NotMoney => "不是金额", "not an amount of money"; "请写成 3万元 或 30000元，最多到分", "write 3万元 or 30000元, fen at the finest";
        NotYesNo => "应为“是”或“否”", "neither yes nor no"; "请填写 是 或 否", "write 是 or 否";
        UnknownCode { known: String, known_en: String } => "不在可选项中", "not one of the choices"; "请从以下选项中选择：{known}", "choose one of: {known_en}";
        UnknownDivision => "找不到这个行政区划", "no such division"; "请填写行政区划代码或全称，例如 330203 或 宁波市海曙区", "write its code or full name, such as 330203 or 宁波市海曙区";
        UnknownDivisionWithin { within: String } => "在{within}范围内找不到这个行政区划", "no such division within {within}";
            "请核对名称，或改填行政区划代码", "check the name, or write the code";
        AmbiguousDivision { candidates: String } => "有多个同名的行政区划：{candidates}", "several divisions have this name: {candidates}";
            "请填写行政区划代码，或写明上级区划名称", "write the code, or the name with those above it";
        DivisionLevel { expected: String, expected_en: String } => "行政区划的层级不符，应为{expected}", "wrong level of division, expected {expected_en}";
            "请填写{expected}的代码或名称", "write the code or name of a {expected_en}";
        RetiredDivision { on: String, successors: String } => "该行政区划已于{on}撤销", "this division ended on {on}"; "请改为：{successors}", "change it to: {successors}";
        DivisionKnown => "行政区划代码应为2、4、6、9或12位数字", "a division code has 2, 4, 6, 9 or 12 digits"; "请核对代码", "check the code";
        ParentHigher => "上级区划的层级应高于本级", "the parent must stand higher than the division"; "请核对上级区划", "check the parent";
        LevelOfCode { expected: String, expected_en: String } => "层级与代码位数不符，应为{expected}", "the level does not fit the code, expected {expected_en}"; "请核对层级和代码", "check level and code";
        SuccessorWithoutEnd => "填写了继任区划，但没有终止日期", "a successor is named without an end date"; "请填写有效期止", "fill in the end date";
        UsccLength { found: usize } => "统一社会信用代码应为18位，现为{found}位", "a credit code has 18 characters, found {found}"; "请对照登记证书核对", "compare it with the certificate";
        UsccCharacter { position: usize, found: char } => "第{position}位的“{found}”不是代码允许的字符", "“{found}” in position {position} is not allowed in a code";
            "代码只用数字和大写字母，不含 I、O、S、V、Z；请对照登记证书核对", "codes use digits and capitals without I, O, S, V, Z; compare it with the certificate";
        UsccLookalike { suggestion: String } => "把数字写成了相似的字母（如 0 写成 O、1 写成 I）", "letters stand where digits were meant (O for 0, I for 1)";
            "应为 {suggestion}，请核对后改正", "it should be {suggestion}; check and correct it";
        UsccMended { written: String, taken: String } => "“{written}”中有字母像是误写的数字，按 {taken} 处理", "letters in {written} stand for digits, so it is read as {taken}";
            "校验码相符，请抽空对照登记证书核对", "the check character fits; compare it with the certificate";
        UsccOrganization { expected: char } => "第9至17位（组织机构代码）校验不符，第17位应为 {expected}", "positions 9 to 17 (organization code) do not check; position 17 should be {expected}";
            "请对照登记证书逐位核对", "compare it with the certificate, character by character";
        UsccCheck { expected: char } => "校验码不符，第18位应为 {expected}", "the check character does not fit; position 18 should be {expected}";
            "请对照登记证书逐位核对", "compare it with the certificate, character by character";
        UsccAuthority { found: String, expected: String } => "第3至8位 {found} 不是登记管理机关的区划代码（{expected}）", "positions 3 to 8 ({found}) are not the authority's division ({expected})";
            "如登记管理机关有变更可以保留，否则请核对", "keep it if the authority has changed, else check both";
        UsccType { found: String, expected: String } => "前两位为 {found}，与类型不符（应为 {expected}）", "begins with {found}, but the type asks for {expected}"; "请核对类型或代码", "check the type or the code";
        CitizenLength { found: usize } => "公民身份号码应为18位，现为{found}位", "an identity number has 18 characters, found {found}"; "请对照身份证核对", "compare it with the card";
        CitizenFifteen => "这是15位旧号码", "this is an old number of 15 digits"; "请填写18位公民身份号码", "write the number of 18 digits";
        CitizenCharacter { position: usize } => "第{position}位不是允许的字符", "position {position} is not allowed"; "请对照身份证核对", "compare it with the card";
        CitizenBirthday => "第7至14位不是有效的出生日期", "positions 7 to 14 are no date of birth"; "请对照身份证核对", "compare it with the card";
        CitizenCheck => "校验码不符，十八位里有一位写错", "the check character does not fit: one of the eighteen is wrong"; "请对照身份证逐位核对", "compare it with the card";
        BirthOfNumber => "与公民身份号码中的出生年月不一致", "differs from the month of birth in the identity number"; "请对照身份证核对", "compare both with the card";
        SexOfNumber => "与公民身份号码中的性别不一致", "differs from the sex in the identity number"; "请对照身份证核对", "compare both with the card";
        JoinedYoung => "入党时不满18周岁", "younger than 18 when joining"; "请核对入党日期和出生年月", "check both dates";
        FullBeforeJoined => "转正日期早于入党日期", "full member before joining"; "请核对两个日期", "check both dates";
        FullEarly => "转正日期距入党日期不满一年预备期", "less than the year of probation after joining"; "请核对两个日期", "check both dates";
        FullOfProbationary => "预备党员不应有转正日期", "a probationary member is not full yet"; "请核对人员类别和转正日期", "check kind and date";
        NoCityKey => "本机还没有市级密钥，无法登记公民身份号码", "the city's key has not come yet, so identity numbers cannot be taken"; "请联网同步一次后再试", "synchronize once and try again";
        SecretBelow => "公民身份号码只在区县和乡镇登记，市级不能填写", "identity numbers are kept by counties and townships alone"; "请由所属区县填写", "let the county fill it in";
        ReferenceUnknown => "找不到所指的记录", "the record that is meant is not here"; "请改填统一社会信用代码、公民身份号码或完整名称", "write its credit code, identity number or full name";
        ReferenceSeveral { count: usize } => "有{count}条同名记录", "{count} records have this name"; "请改填统一社会信用代码或公民身份号码", "write the credit code or the identity number";
        ElsewhereAffiliated => "该党员的组织关系在其他党组织", "the member belongs to another branch"; "请先办理组织关系转接（填写原组织关系的转出日期），再导入", "end the former affiliation first, then import again";
        AboveItself => "上级绕回到了本组织自己", "the superiors lead back to this one"; "请核对上级党组织", "check the superior";
        SealedUnread => "密封待钥：本机还没有这条记录的密钥", "sealed: the key of this record has not come yet"; "请联网同步后再改", "synchronize, then change it";
        CertOrder => "证书有效期止早于有效期起", "the certificate ends before it begins"; "请核对两个日期", "check both dates";
        PeriodOrder => "有效期止早于有效期起", "the end lies before the beginning"; "请核对两个日期", "check both dates";
        TownOutside { authority: String } => "所在乡级不在{authority}范围内", "the township does not lie within {authority}";
            "请核对；确属跨区域住所的，请勾选“跨区域住所”", "check it; if it is right, tick “address in another area”";
        FewFounders => "社会团体成立时会员一般不少于50个人或30个单位", "an association is founded by 50 persons or 30 units at least"; "请核对会员数", "check the numbers of members";
        WrongType => "存储的内容类型与字段不符", "the stored value is not of the field's type"; "请重新填写该项", "fill it in anew";
        UnknownField { name: String } => "没有名为“{name}”的字段", "no field is named “{name}”"; "请核对字段名称", "check the field's name";

        NumberInCodeColumn => "单元格是数字格式，代码可能已失真", "the cell is a number, so the code may be damaged";
            "请选中该列，用“数据”菜单的“分列”把格式改成“文本”；18位代码还要从原表重新粘贴，数字格式只保留15位", "turn the column into text (Data, Text to Columns, Text); paste codes of 18 characters again, as a number keeps 15 digits";
        FormulaError => "单元格是公式错误值", "the cell holds a formula error"; "请改为实际内容", "replace it by its value";
        DateInWrongColumn => "单元格是日期格式，与该列不符", "the cell is a date, which this column does not take"; "请把单元格设为“文本”格式后重填", "set the cell's format to text and fill it in anew";
        RowShape => "这一行的列数多于表头", "the row has more cells than the header"; "请检查该行是否有多余的分隔符或引号", "look for extra separators or quotes in the row";
        UnclosedQuote => "引号没有配对，其后的内容无法分列", "a quotation mark is never closed, so what follows it cannot be split";
            "请补上或删去这一行的引号（\"）", "close or remove the quotation mark in this row";
        NotATable => "无法识别文件内容", "the file is no table"; "请另存为 .xlsx 或 .csv 后再导入", "save it as .xlsx or .csv";
        DamagedWorkbook => "工作簿已损坏，无法打开", "the workbook is damaged"; "请用 Excel 或 WPS 打开后另存为 .xlsx，再导入", "open it in Excel or WPS and save it as .xlsx";
        Locked => "文件已加密，或是旧版 .xls 格式", "the file is encrypted or an old .xls"; "请去掉密码，另存为 .xlsx 后再导入", "remove the password and save it as .xlsx";
        TooManyRows { max: usize } => "行数超过上限（{max}）", "there are more than {max} rows"; "请拆分成几个文件再导入", "split the file";
        TooManyColumns { max: usize } => "列数超过上限（{max}）", "there are more than {max} columns"; "请删去名单以外的列，再导入", "delete the columns that are not of the list";
        TooManyCells { max: usize } => "单元格数超过上限（{max}）", "there are more than {max} cells"; "请拆分成几个文件再导入", "split the file";
        TooMuchText { megabytes: usize } => "单元格的文字合计超过 {megabytes} MB", "the cells hold more than {megabytes} MB of text"; "请拆分成几个文件再导入", "split the file";
        LongText { max: usize } => "有单元格的文字超过 {max} 字，电子表格也存不下", "a cell holds more than {max} characters, more than a spreadsheet keeps"; "请缩短该单元格的内容，再导入", "shorten it";
        FileTooLarge { megabytes: usize } => "文件超过 {megabytes} MB", "the file has more than {megabytes} MB"; "请拆分成几个文件再导入", "split the file";
        Bomb => "压缩内容异常庞大，已拒绝打开", "the compressed content is absurdly large and was not opened"; "请用 Excel 或 WPS 重新另存为 .xlsx", "save it again as .xlsx";
        Exhausting => "读取这个文件所用的内存或时间超过了上限，已中止读取，没有导入任何内容", "reading the file took more memory or time than a table may, so it was stopped and nothing was imported";
            "请用 Excel 或 WPS 打开，只留下名单，另存为新的 .xlsx 或拆分成几个文件，再导入", "open it in Excel or WPS, keep the list alone, save it as a new .xlsx or as several files, and import again";
        NoReader { why: String } => "读取表格的程序无法启动（{why}），没有导入任何内容", "the program that reads tables cannot be started ({why}), so nothing was imported";
            "请关闭其他程序后重试", "close other programs and try again";
        NulBytes => "文件含有空字节，不是文本表格", "the file contains NUL bytes and is no text table"; "请另存为 UTF-8 编码的 .csv", "save it as .csv in UTF-8";
        BadEncoding => "文字编码无法识别", "the text encoding is unknown"; "请另存为 UTF-8 编码的 .csv", "save it as .csv in UTF-8";
        NoHeader { expected: String } => "找不到表头", "no header row was found"; "第一行请写列名，例如：{expected}", "write the column names first, such as: {expected}";
        NoRows => "表头下面没有数据", "there is nothing below the header"; "请在表头下面填写数据，一行一条，再导入", "fill in rows below the header, one for each record, and import again";
        DoubleColumn { label: String, first: String, second: String } => "“{first}”和“{second}”两列都是“{label}”", "both “{first}” and “{second}” mean “{label}”"; "请只保留一列", "keep one of them";
        MissingColumns { labels: String } => "缺少必需的列：{labels}", "required columns are missing: {labels}"; "请补上这些列，或先导出模板再填写", "add them, or start from the template";
        UnknownColumns { labels: String } => "以下列不认识，已忽略：{labels}", "unknown columns were ignored: {labels}"; "如需导入，请改成模板中的列名", "use the template's column names to import them";
    }
}

#[cfg(test)]
mod tests {
    use super::super::Lang;
    use super::*;

    #[test]
    fn a_trouble_has_a_reason_and_a_remedy_in_both_languages() {
        let trouble = Trouble::UsccCheck { expected: 'A' };
        assert_eq!(trouble.reason(Lang::Zh), "校验码不符，第18位应为 A");
        assert!(trouble.reason(Lang::En).ends_with("position 18 should be A"));
        assert_eq!(Trouble::Missing.remedy(Lang::Zh), "请填写后再保存");
    }
}
