//! The words of the pages. Labels of kinds and fields come from the dictionary, never from here.

use super::catalogue;

catalogue! {
    /// A sentence, a label or a word of a page.
    pub enum Words {
        Brand => "汇流", "Huiliu";
        BrandAbout => "社会组织党建台账", "Party-building records of social organizations";
        RoleNode => "县区、乡镇节点", "node of a county or township";
        RoleHub => "市级中心", "hub of the city";
        NodeTitle => "本机状态", "Status of this machine";
        HubTitle => "中心状态", "Status of the hub";

        PillVerified => "已核对", "verified";
        PillPending { count: u64 } => "{count} 条待发", "{count} to send";
        PillOffline => "未连接", "not connected";
        PillSent => "已送达，待核对", "sent, not verified yet";
        PillAttention { count: u64 } => "需处理 {count} 项", "{count} to look at";
        PillStopped => "不能保存", "cannot save";
        PillListening => "正在服务", "in service";
        PillSilent => "没有监听", "not listening";

        ShutdownYes => "可以关机", "Safe to shut down";
        ShutdownNo => "请先不要关机", "Please keep it running";
        ShutdownYesWhy => "本机的全部记录已送达市级中心，并已核对一致。", "Everything made here has reached the hub and was found equal.";
        ShutdownPending { count: u64 } => "还有 {count} 条只在本机。关机不会丢失，但要等下次开机联网后才能送出。",
            "{count} entries are on this machine only. Nothing is lost by shutting down, but they wait until it is online again.";
        ShutdownUnverified => "已全部送达，但还没有与市级中心核对一致。", "Everything was sent, but not yet compared with the hub.";
        Arrived { level: usize, all: usize } => "{level} / {all} 台已到齐", "{level} of {all} are level";
        ArrivedYes => "全部到齐", "All are level";
        ArrivedNo => "尚未到齐", "Not all are level";
        ArrivedNobody => "还没有节点加入", "No node has joined yet";
        ArrivedYesWhy => "每台在用的节点都报告没有待发的记录。", "Every node in use says that it has nothing left to send.";
        ArrivedNoWhy => "下表中标有“待发”或“不明”的节点，其数字可能还会变化。", "Figures of nodes that still have to send, or have not said so, may change.";
        ArrivedNobodyWhy => "用 huiliu-hub invite 开出邀请，交给县区或乡镇。", "Make an invitation with huiliu-hub invite.";

        Numbers => "数字", "Figures";
        Pending => "待发", "to send";
        Conflicts => "冲突", "conflicts";
        Quarantined => "隔离", "in quarantine";
        VerifiedAt => "上次核对", "last verified";
        Never => "还没有", "never";
        Link => "连接", "link";
        LinkNone => "未连接，自动重试中；填报不受影响", "none; trying again, work goes on";
        LinkListening => "监听", "listening";
        LinkNotListening => "没有监听", "not listening";

        Notices => "请注意", "Please note";
        ReadOnly => "现在不能保存", "Nothing can be saved now";
        Revoked => "市级已停用本机", "The hub has ended this device's grant";
        DiskLow { megabytes: u64 } => "磁盘只剩 {megabytes} MB", "Only {megabytes} MB are left on the disk";
        DiskLowWhat => "请清理本机其他文件。不要删除数据目录里的任何文件。", "Remove other files. Remove nothing from the data directory.";
        NewIncarnation { incarnation: String } => "本机已启用新的写入编号 {incarnation}", "This machine writes under a new incarnation, {incarnation}";
        ConflictsWhat => "同一栏有两个以上的值，要由人选定：", "Fields with more than one value wait for a person to choose:";
        QuarantineWhat => "有内容未通过检查，没有进入台账：", "Something did not pass the checks and was left out:";

        Coverage => "覆盖情况", "Coverage";
        Nodes => "节点", "Nodes";
        Device => "设备", "device";
        Division => "所属区划", "division";
        State => "状态", "state";
        LastSeen => "最近联系", "last heard";
        StateInvited => "已授权，未联系", "granted, not heard";
        StateOnline => "在线", "online";
        StateOffline => "离线", "offline";
        StateRevoked => "已停用", "revoked";
        Unknown => "不明", "unknown";

        AsOf { at: String } => "数据截至 {at}（北京时间），每 10 秒更新", "As of {at} Beijing time, shown anew every 10 seconds";
        Version { version: String } => "版本 {version}", "version {version}";

        StatusUnavailable => "暂时读不到状态", "The status cannot be read";
        StatusUnavailableWhat { why: String } => "{why}。本页会自动重试。", "{why}. This page tries again by itself.";
        NotFound => "没有这一页", "There is no such page";
        NotFoundWhat => "地址可能输错了。", "The address may be mistyped.";
        BackToStatus => "回到状态页", "Back to the status page";
    }
}
