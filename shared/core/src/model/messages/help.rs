//! What is said of the command line itself, and the Chinese for the help of its options and commands, which stand in
//! English beside them.

use super::catalogue;

catalogue! {
    /// A sentence about a command line, or a word of its help.
    pub enum Usage {
        Senseless => "命令写错了，请看下面的用法。", "the command line makes no sense";
        NoCommand { name: String } => "没有“{name}”这个命令，请看下面的用法。", "there is no command {name}";
        NoCommandGiven => "请写明要做什么，可用的命令见下。", "say what to do";
        NoOption { name: String } => "没有“{name}”这个选项，或它放错了位置。", "there is no option {name}";
        Missing { names: String } => "命令不完整，缺少：{names}。", "missing: {names}";
        NotTogether { one: String, other: String } => "“{one}”和“{other}”不能同时使用。", "{one} and {other} cannot be used together";
        NoValue { name: String } => "“{name}”后面要写内容。", "{name} needs a value";
        BadValue { name: String, value: String } => "“{name}”的内容“{value}”不对。", "{value} is no value for {name}";
        BadValueFor { name: String, value: String, why: String } => "“{name}”的内容“{value}”不对：{why}", "{value} is no value for {name}: {why}";
        Help => "显示用法", "show this help";
        Template => "{{about-with-newline}}\n用法（Usage）：{{usage}}\n\n{{all-args}}{{after-help}}", "";
    }
}

/// The headings of a help in Chinese: commands, arguments, options.
pub const HELP_HEADINGS: [&str; 3] = ["命令", "参数", "选项"];

/// The Chinese for the help of an option or a command.
pub fn help(english: &str) -> Option<&'static str> {
    HELP.iter().find(|(text, _)| *text == english).map(|(_, chinese)| *chinese)
}

const HELP: &[(&str, &str)] = &[
    (
        "The hub of Huiliu: one picture of a city's Party-building records, over links that come and go",
        "汇流市级中心：全市社会组织党建记录汇成一本账，网络时断时续也不要紧",
    ),
    (
        "The node of Huiliu: a county's or township's records, kept here and level with the hub whenever there is a link",
        "汇流节点：区县、乡镇的记录存在本机，有网络时自动与市级一致",
    ),
    ("The data directory", "数据目录"),
    (
        "One JSON object on stdout; talk and progress go to stderr",
        "结果输出为一个 JSON 对象，说明和进度写到标准错误",
    ),
    ("The language of sentences", "提示语言：zh 中文，en 英文"),
    ("Who is acting (default: the system's user)", "操作人姓名（不写则为系统用户名）"),
    ("Ask no questions", "不再询问"),
    ("What is here and how it stands", "本机状态：记录数、待上报、冲突、重复等"),
    ("Check every entry of the journal", "逐条校验本机流水"),
    ("Mend what is damaged; the service must be stopped", "修复损坏的内容，须先停止服务"),
    ("Then fetch from the hub what is missing", "再从市级取回缺失的内容"),
    ("Then take what is missing from a copy of the data directory", "再从数据目录的备份取回缺失的内容"),
    ("Compute the index again; the service must be stopped", "重新生成索引，须先停止服务"),
    (
        "Records: list, show, new, set, delete, restore, offers, accept",
        "记录：列出、查看、新建、修改、删除、恢复、待接收、接收",
    ),
    (
        "List records that are offered to another owner and wait to be accepted",
        "列出写明归属其他单位、尚待接收的记录",
    ),
    ("Accept an offer: the record moves to the owner that it names", "接收：把记录转到其写明的归属单位"),
    ("Read a table (.csv, .xlsx)", "导入表格（.csv、.xlsx）"),
    ("The table", "表格文件"),
    ("The kind of its rows, such as social_org", "记录种类，例如 social_org 或 社会组织"),
    ("Write nothing, only say what would come of it", "只预演，不写入任何内容"),
    ("The owner of rows that name none", "没有写明归属的行归哪个区划"),
    ("Write the refused rows into this table", "把没有导入的行写进这个表格"),
    ("Write the records of a kind as a table (.csv, .xlsx)", "导出表格（.csv、.xlsx）"),
    ("The kind, such as social_org", "记录种类，例如 social_org 或 社会组织"),
    ("Only of this division and below", "只要这个区划及其下级的"),
    (
        "What secret fields are read for; noted. Without it they are masked",
        "查阅涉密内容的用途，会登记下来；不写则只显示掩码",
    ),
    ("Write an empty table of a kind, with notes", "写出带填写说明的空白表"),
    ("Conflicts: list, show, resolve", "冲突：列出、查看、选定"),
    (
        "What did not enter: list, show, retry, drop, refuse",
        "隔离区和草稿：列出、查看、重新登记、不再显示、退回",
    ),
    ("Its code, or its number in the list", "列表中的代码，或序号"),
    (
        "At the hub: refuse what waits for something that will never come",
        "市级：退回一直等不到所依据内容的修改",
    ),
    ("Who has seen what: reads", "查阅登记：reads"),
    ("Who read secret fields on this machine, when and what for", "谁在本机查阅过涉密内容，何时、为何"),
    (
        "Only what showed this record, or may have shown it among others",
        "只列出查阅过这条记录的，含列出、导出同类记录的",
    ),
    ("The key by which counties compare identity numbers: replace", "区县之间比对公民身份号码用的密钥：更换"),
    (
        "Replace the key: it is lost, or somebody may have it who should not",
        "更换比对密钥：密钥丢失，或可能已被不该有的人拿到",
    ),
    ("The version", "程序版本"),
    ("List the records of a kind", "列出一类记录"),
    ("The kind", "记录种类"),
    ("Only where a field holds a value", "只要某栏等于某值的，写成 栏目=值"),
    ("At most so many", "最多列出几条"),
    ("The deleted records, and why", "列出已删除的记录和原因"),
    ("Only what is here more than once", "只列出重复的记录"),
    ("Only records that name another which is not here yet", "只列出所指记录尚未登记的记录"),
    (
        "Delete what an import made and change back what it changed, unless somebody has changed it since",
        "撤销一次导入：删除新建的，改回改动过的；此后又有人改过的不动",
    ),
    ("The import's id", "导入批次编号"),
    (
        "Find records by a part of a name, a code, or pinyin initials",
        "按名称、代码的一部分或拼音首字母查找记录",
    ),
    ("What to look for", "要查找的内容"),
    (
        "Make a report: coverage, gaps, responsibility, findings",
        "出报表：coverage（组建率）、gaps（应建未建）、responsibility（责任主体）、findings（疑点）",
    ),
    ("Its name", "报表名称"),
    (
        "Only of this division and below (default: this replica's)",
        "只统计这个区划及其下级（不写则为本节点的区划）",
    ),
    ("As of this day (default: today)", "统计的截止日期（不写则为今天）"),
    ("Write a workbook, with the rows behind each figure", "写成工作簿（.xlsx），附每个数字对应的明细"),
    ("Show one record", "查看一条记录"),
    ("Its id", "记录编号"),
    ("With every change", "连同每次修改"),
    ("Make a record", "新建记录"),
    ("The owner, where the fields name none", "归属区划（栏目里没有写明时）"),
    ("The fields", "各栏内容，写成 栏目=值"),
    ("Change fields of a record; an empty value empties the field", "修改记录的栏目；等号后留空就是清空该栏"),
    ("Delete a record; its history stays", "删除记录，历史仍保留"),
    ("Why", "原因"),
    ("Bring a deleted record back", "恢复已删除的记录"),
    ("List open conflicts", "列出待处理的冲突"),
    ("Show the conflicts of a record", "查看一条记录的冲突"),
    ("Settle the conflict in a field", "选定某栏的值"),
    ("The record's id", "记录编号"),
    ("The field", "栏目"),
    ("Take the value of this number in the list", "采用列表中第几个值"),
    ("Write this value", "另填这个值"),
    ("List what did not enter or counts nowhere", "列出隔离区的内容和草稿"),
    ("Write a draft again, as it is or corrected", "重新登记一条草稿，可同时改正"),
    ("Other values: FIELD=VALUE", "要改正的栏目：栏目=值"),
    ("List a draft no longer", "不再显示这条草稿"),
    ("Show one thing", "查看其中一项"),
    ("Its number in the list", "列表中的序号"),
    (
        "See it work: a hub, counties and a township on this machine",
        "演示：在本机临时建一个市、几个区县和一个乡镇",
    ),
    ("End when everything has been shown, instead of serving on", "演示完就退出，不继续运行"),
    ("How many counties", "几个区县"),
    ("How many organizations the whole city has", "全市共多少家社会组织"),
    ("How many organizations", "多少家社会组织"),
    ("The seed of everything that is made up", "随机种子"),
    (
        "Write a made-up city as tables to import, with the answers to what must come of them",
        "生成一个虚构的市：可导入的表格，带有已知差错，附正确答案",
    ),
    ("A city with its counties, such as 3302, or one county", "市（含所辖区县）或一个区县的代码，例如 3302"),
    ("The empty directory that takes the tables", "写入表格的空目录"),
    ("Workbooks beside the tables in csv", "除 .csv 外另写 .xlsx"),
    ("Write the folders of these counties only; the city stays the same", "只写这些区县的目录，全市内容不变"),
    ("The day on which the city is looked at", "统计的截止日期"),
    ("Begin a hub in an empty directory", "在空目录里建立市级中心"),
    ("The division, such as 3302", "区划代码，例如 3302"),
    ("What people call it (default: the division's name)", "名称（不写则为区划名）"),
    (
        "An edition of the division registry newer than the program's, packed",
        "比程序自带的更新的行政区划表（打包文件）",
    ),
    ("Run the hub", "运行市级中心"),
    ("Where nodes connect (UDP)", "节点连入的地址（UDP）"),
    ("The page and the local interface, on loopback", "本机网页和本机接口的地址，只能是 127.0.0.1"),
    ("Written when both are bound: {\"listen\",\"web\",\"pid\"}", "两个地址都绑定好以后写出这个文件"),
    ("Make a one-time ticket for a node", "为一个节点开一次性邀请码"),
    ("The node's division, such as 330203", "节点的区划代码，例如 330203"),
    ("Write the bare ticket into this file", "把邀请码写进这个文件"),
    ("How long it is valid: 30m, 12h, 7d", "有效期：30m、12h、7d"),
    (
        "An address under which nodes reach the hub (default: those it is bound to)",
        "节点连市级用的地址（不写则为市级绑定的地址）",
    ),
    ("Nodes: list, show, revoke", "节点：列出、查看、停用"),
    ("List nodes", "列出节点"),
    ("Show one node", "查看一个节点"),
    ("Its device id, name or division", "设备编号、名称或区划"),
    (
        "End a node's grants: what it has sent counts, it can send no more",
        "停用一个节点：已送达的仍算数，以后不再接收",
    ),
    ("Why, for the people there", "原因，会显示给对方"),
    ("Join a hub with a ticket", "凭邀请码加入"),
    ("The ticket, or a file with it", "邀请码，或存有邀请码的文件"),
    (
        "What the hub calls this device (default: its division's name)",
        "本机在市级显示的名称（不写则为区划名）",
    ),
    ("Run the node: stay level with the hub, serve the page", "运行节点：与市级保持一致，提供本机网页"),
    ("Open the page in the browser", "在浏览器中打开网页"),
    ("Written when the page is bound: {\"listen\",\"web\",\"pid\"}", "网页地址绑定好以后写出这个文件"),
    ("Send and fetch until level with the hub", "立即同步，直到与市级一致"),
    ("Only say what would be sent", "只看会送出多少"),
    ("What a sync would send", "同步会送出多少"),
];
