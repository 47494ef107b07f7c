//! What the programs say of themselves: failures with what was kept and what to do next, and the words of lists.

use super::{Lang, catalogue};

catalogue! {
    /// One sentence.
    pub enum Say {
        // Failures of the replica.
        NoReplica { dir: String } => "{dir} 里没有数据。请先运行 init（市级）或 join（区县、乡镇）。", "there is no replica in {dir}; run init (hub) or join (node) first";
        NotAHub => "这是区县或乡镇节点的数据目录，请使用 huiliu-node。", "this data directory is a node's; use huiliu-node";
        NotANode => "这是市级汇流中心的数据目录，请使用 huiliu-hub。", "this data directory is a hub's; use huiliu-hub";
        AlreadyInitialized { dir: String } => "{dir} 里已有数据，没有改动任何内容。", "{dir} already holds a replica; nothing was changed";
        NotEmpty { dir: String } => "{dir} 不是空目录，没有改动任何内容。请换一个空目录。", "{dir} is not empty; nothing was changed. Choose an empty directory";
        InUse { dir: String } => "数据目录 {dir} 正被另一个程序使用（可能服务已在运行）。请先停止那个程序再试。", "the data directory {dir} is in use, perhaps by a running service; stop it first and try again";
        ServiceDied => "后台服务中途停止。已显示“已保存”的内容都在。请重新启动服务后再试。", "the service stopped while it was working; everything called saved is kept. Start it again and repeat";
        ServiceSilent { dir: String } => "{dir} 的后台服务在运行，但没有应答，可能被暂停或卡住了。刚才的操作不一定已执行；请重新启动服务后用 record show 或 status 核对。", "the service of {dir} is running but does not answer; it may be suspended or stuck. What was asked for may or may not be done: restart the service and check";
        RequestTooLarge => "内容太大，后台服务没有接收。请拆分成几次。", "too large for the service; split it up";
        WebNotLoopback { address: String } => "网页地址 {address} 不是本机地址。页面只在本机开放，请改用 127.0.0.1:端口。", "the page is for this machine only: {address} is no loopback address; use 127.0.0.1:PORT";
        OutputFailed { why: String } => "结果没有写出（{why}）。操作本身可能已完成，请核对后再决定是否重做。", "the answer could not be written ({why}); the work itself may be done, check before repeating it";
        EngineDied => "程序内部出错，服务已停止。已显示“已保存”的内容都在。请重新启动服务；如再次发生，请把日志交给维护人员。", "an internal error has stopped the service; everything called saved is kept. Start it again, and if it happens once more hand the log to whoever maintains it";
        ImportStopped { done: usize, total: usize } => "服务正在停止，导入中断：共 {total} 行，前 {done} 行已处理并保存。重新启动服务后再次导入同一文件即可接着做。", "the service is stopping, so the import ends: {done} of {total} rows are done and saved; start the service and import the same file again to go on";
        RehearsalStopped => "服务正在停止，预演中断，没有写入任何内容。", "the service is stopping, so the rehearsal ends; nothing was written";
        NotJoined => "本机还没有加入市级汇流中心，不能写入。请先用邀请码运行 join，再运行一次 sync。", "this replica has not joined a hub, so nothing can be written; join with a ticket and sync once";
        OutsideGrant { channel: String } => "没有保存：{channel}不在本机的授权范围内。请由该单位或其上级填报，或向市级确认本单位的范围。", "not saved: the grant of this replica does not cover {channel}; let that division or one above it do it, or ask the hub";
        OnlyTheHub => "没有保存：行政区划由市级统一登记。请联系市级。", "not saved: divisions are registered by the hub only; contact the hub";
        NoSuchRecord { id: String } => "本机没有编号为 {id} 的记录。", "there is no record {id} here";
        NoSuchKind { kind: String, known: String } => "没有名为“{kind}”的种类。可用：{known}。", "there is no kind “{kind}”; known are {known}";
        NoSuchField { field: String, kind: String, kind_en: String } => "{kind}没有名为“{field}”的栏目。用 template 写出的空白表里有全部栏目。", "{kind_en} has no field “{field}”; the table that template writes has all of them";
        BadPair { text: String } => "“{text}”应写成 栏目=值，例如 类型=社会团体。", "“{text}” should be written FIELD=VALUE, such as org_type=ST";
        FieldTwice { field: String } => "“{field}”写了两次，请只保留一个。", "“{field}” is given twice; keep one of them";
        WordEmpty => "不能为空，请填写实际内容。", "this may not be empty";
        WordLong { max: usize } => "太长，最多 {max} 个字。", "too long, at most {max} characters";
        WordSteers => "含有换行或不可见的控制字符，请重新键入。", "it holds line ends or invisible control characters; type it anew";
        NotOfRange { range: String } => "应在 {range} 之间。", "it should be within {range}";
        BadDay => "请写成 2026-09-30 这样的日期，2018 年至 2099 年之间。", "write a day of the years 2018 to 2099, such as 2026-09-30";
        BadDuration => "请写成 90s、30m、12h 或 7d，最长 3650d。", "write 90s, 30m, 12h or 7d, at most 3650d";
        BadId { text: String } => "“{text}”不是记录编号。请从 record list 的第一列复制完整的编号。", "“{text}” is not a record's id; copy the whole id from the first column of record list";
        BadDivision { text: String } => "“{text}”不是已知的行政区划代码，或不在本市。代码只写数字，例如 330203 或 330203004。", "“{text}” is not a known division code, or lies outside this tree; write digits, such as 330203 or 330203004";
        ProblemsRemain { zh: String, en: String } => "没有保存：{zh}", "not saved: {en}";
        GateSaysNo { why: String } => "没有保存：内容未通过检查（{why}）。表单内容没有丢失，请修改后再保存。", "not saved: the change did not pass the check ({why})";
        HasMoved { id: String, to: String, code: String } => "记录 {id} 已转到{to}（{code}），本机不再保管。请在该单位或其上级查看。", "record {id} has moved to {to} ({code}) and is not kept here any more; look there or above";
        OwnerOutside { from: String, to: String } => "没有保存：这样修改会把记录从{from}转到{to}，那里不属于本市，记录不能转去。请核对登记管理机关和所在乡级。", "not saved: the edit would move the record from {from} to {to}, which is outside this tree; check authority and township";
        OtherOwner { named: String, given: String } => "没有保存：字段所指的归属是{named}，与 --division {given} 不符。请改其中一个。", "not saved: the fields name {named} as owner, not {given}; change one of them";
        NoConflict { field: String } => "“{field}”没有待处理的冲突，可能已经处理过了。", "there is no open conflict in “{field}”; it may be settled already";
        NoSuchValue { n: String } => "没有第 {n} 个值，请用 conflict show 查看。", "there is no value {n}; see conflict show";
        ReadOnly => "磁盘写入失败，本机已停止保存，只能查看和导出。请检查磁盘后重新启动。", "writing to the disk failed; nothing more is saved until restart, reading and exporting go on";
        Interrupted => "没有保存：本机刚发现自己是从备份恢复或复制来的，正在补齐数据。请再做一次。", "not saved: this device has just found out that it was restored or copied, and is filling in; do it again";
        NotSaved => "磁盘写入失败，刚才的内容没有保存。本机已停止保存，只能查看和导出。请检查磁盘后重新启动，再做一次。", "not saved: writing to the disk failed. Nothing more is saved until restart, reading and exporting go on; check the disk, restart, and do it again";
        DiskFailed { what: String } => "磁盘操作失败（{what}）。没有显示“已保存”的内容未保存。请检查磁盘空间和权限。", "a disk operation failed ({what}); what was not called saved is not saved. Check space and permissions";
        CannotSend { what: String } => "本机有数据发不出去（{what}）。网络没有问题，已保存的内容都在；请把日志交给维护人员。", "something here cannot be sent ({what}); the network is well and everything saved is kept. Hand the log to whoever maintains it";
        TooNew { what: String } => "此数据由更新的版本写入（{what}），请先升级程序。没有改动任何内容。", "this data was written by a newer version ({what}); upgrade first. Nothing was changed";
        Damaged { place: String } => "数据文件有一处损坏（{place}），没有改动任何内容。请运行 verify 查看全部损坏。", "a data file is damaged ({place}); nothing was changed. Run verify to see all of it";
        IndexFailed { what: String } => "索引打不开（{what}）。索引可以删除，下次启动会重新生成。", "the index failed ({what}); it can be deleted and is computed again";
        CannotRead { file: String, why: String } => "读不了文件 {file}（{why}）。", "cannot read {file} ({why})";
        CauseMissing => "没有这个文件或文件夹", "there is no such file or folder";
        CauseForbidden => "没有权限", "permission denied";
        CauseFolder => "这是文件夹，不是文件", "it is a folder";
        CauseNoFile => "那里是链接、设备或文件夹，不是普通文件", "a link, a device or a folder is there, not a file";
        CauseFull => "磁盘已满", "the disk is full";
        NoFolder { file: String } => "写不了文件 {file}：所在的文件夹不存在，没有改动任何内容。", "cannot write {file}: its folder does not exist; nothing was changed";
        CannotWrite { file: String, why: String } => "写不了文件 {file}（{why}）。", "cannot write {file} ({why})";
        TableEnding { file: String } => "文件名 {file} 应以 .xlsx 或 .csv 结尾。", "the name {file} should end in .xlsx or .csv";
        BadFilter { text: String } => "条件“{text}”应写成 栏目=值，例如 类型=社会团体。", "the condition “{text}” should be written FIELD=VALUE, such as org_type=ST";
        BadFilterValue { zh: String, en: String } => "条件有误：{zh}", "the condition is wrong: {en}";

        RegistryMissing => "行政区划表还没有下载，暂时不能保存。请先运行 sync。", "the table of divisions has not come yet, so nothing can be saved; sync first";
        Told { text: String } => "{text}", "{text}";
        /// Made of sentences of another catalogue.
        Odd { zh: String, en: String } => "{zh}", "{en}";
        ReasonWrong { zh: String, en: String } => "原因{zh}", "the reason: {en}";

        // Joining and syncing.
        NotATicket => "这不是邀请码。请粘贴完整的邀请码，或给出邀请码文件。", "this is not a ticket; paste the whole ticket or name its file";
        TicketDamaged => "邀请码有错字，没有使用。请重新扫描或粘贴。", "the ticket is damaged and was not used; scan or paste it again";
        TicketTooNew => "邀请码由更新的版本生成，请先升级程序。", "the ticket was made by a newer version; upgrade first";
        TicketUnknown => "市级没有发出过这个邀请码。请向市级重新索取。", "the hub has not issued this ticket; ask for a new one";
        TicketExpired => "邀请码已过期，请向市级重新索取。", "the ticket has expired; ask the hub for a new one";
        TicketUsed { name: String, at: String } => "邀请码已被另一台电脑使用（{name}，{at}）。如不是本单位所为，请立即告知市级。", "the ticket was already used by another machine ({name}, {at}); tell the hub if that was not you";
        DeviceRevoked { reason: String } => "本机的授权已被市级撤销（{reason}）。本机数据都在，可以查看和导出，但不能同步。请联系市级。", "the hub has revoked this device ({reason}); its data is kept and can be read and exported. Contact the hub";
        DeviceUnknown => "市级没有本机的授权记录。请联系市级。", "the hub has no grant for this device; contact the hub";
        CertificateExpired => "本机证书已过期，续期没有成功。请联系市级。", "this device's certificate has expired and was not renewed; contact the hub";
        WrongHub => "对方不是邀请码中的市级汇流中心，已断开，没有发送任何数据。请向市级核实地址。", "the other side is not the hub named in the ticket; nothing was sent. Verify the address";
        /// The same, for good: it is remembered.
        HubRevoked { zh: String, en: String } => "市级拒绝：{zh}", "the hub refuses: {en}";
        HubSaidNo { zh: String, en: String } => "市级拒绝：{zh}", "the hub refuses: {en}";
        RevokedNotSaved { zh: String, en: String } => "没有保存：{zh}", "not saved: {en}";
        OddAnswer => "对方的答复无法识别，可能两边程序版本不同。请联系市级。", "the answer cannot be understood; the two programs may differ in version. Contact the hub";
        Incomprehensible => "收到的内容无法识别，连接已断开，已保存的内容都在。请确认两边程序版本相同；如再次发生，请联系维护人员。", "what came cannot be understood, and the connection was closed; everything saved is kept. See that both programs have the same version, and if it happens again call whoever maintains them";
        NotTheCertified => "自报的身份与证书不符，连接已断开。请联系维护人员。", "the device is not the one of its certificate, and the connection was closed; call whoever maintains it";
        OtherProtocol { low: u16, high: u16 } => "两边程序的版本相差太大（对方使用协议 {low} 至 {high}），不能同步。本机内容都已保存，请升级较旧的一方。", "the two programs are too far apart (the other side speaks protocols {low} to {high}) and cannot sync; everything is saved here. Upgrade the older one";
        HubSilent { pending: u64 } => "连不上市级。本机内容都已保存，{pending} 条待上报，连通后会自动上报。", "the hub cannot be reached; everything is saved here, {pending} entries wait and will be sent";
        JoinSilent => "连不上市级，还没有加入。邀请码仍然有效，请检查网络和地址后再运行一次 join。", "the hub cannot be reached, so this device has not joined; the ticket is still good, join again when there is a link";
        EntriesRefused { count: usize, zh: String, en: String } => "市级不接收其中 {count} 处内容（{zh}），已放入隔离区，其余照常。请用 quarantine list 查看。", "the hub does not take {count} stretches ({en}); they are in the quarantine, everything else goes on";
        UnionOffered { value: String, union: String } => "  合并两边：{value}（--value \"{union}\"）", "  both together: {value} (--value \"{union}\")";
        WithheldHere { count: usize } => "有 {count} 处内容无法与对方交换，其余照常。用 status --json 可看明细，请告知市级管理员。", "{count} stretches cannot be exchanged with the other side, everything else goes on; status --json has the details";
        FeedsWithheld { count: usize, zh: String, en: String } => "有 {count} 处内容无法发送（{zh}），其余已全部交换。两边的记录都没有丢失，请用 status 查看，并告知市级管理员。", "{count} stretches cannot be sent ({en}); everything else was exchanged and nothing is lost; see status and tell the hub's operator";
        HubWorks { waiting: usize } => "市级正在处理收到的内容，还有 {waiting} 条。", "the hub is working on what it has received; {waiting} entries are left";
        NotAllApplied { waiting: usize } => "已收到的内容还有 {waiting} 条正在处理，这里只含处理完的部分。", "{waiting} entries have come and are still being worked in; this is what stands so far";
        RecordFull => "没有保存：这条记录连同修改历史已满（256 KB）。请另建一条记录继续使用，再删除这一条；也可以请上级单位代为修改。", "not saved: the record with its history is full (256 KB). Make another record and delete this one, or ask whoever is above to change it";
        RowFull => "这条记录连同修改历史已满（256 KB）", "the record with its history is full (256 KB)";
        RowFullRemedy => "请另建一条记录，再删除这一条", "make another record and delete this one";
        NotLevelYet => "已交换全部内容，但两边尚未一致，请稍后再同步一次。", "everything was exchanged, but both sides are not level yet; sync again later";
        Synced => "已同步，两边一致。", "synced, both sides are equal";
        Joined { hub: String, division: String } => "已加入{hub}，本单位：{division}。", "joined {hub} as {division}";
        Invited { division: String, until: String } => "{division}的邀请码，北京时间 {until} 前有效，只能使用一次。请在该单位的电脑上运行 huiliu-node join 加上这一行：", "a ticket for {division}, valid once, until {until} Beijing time; run huiliu-node join with it on that machine:";
        HubFounded { name: String } => "已建立{name}汇流中心。", "the hub of {name} is founded";
        NoAddress => "不知道市级的地址。请先运行一次 serve，或用 --advertise 指明。", "the hub's address is not known; run serve once or use --advertise";
        Revoked { name: String } => "已撤销 {name}。", "{name} is revoked";
        NoSuchNode { text: String } => "没有设备“{text}”。请用 node list 查看。", "there is no device “{text}”; see node list";
        OwnDevice => "不能撤销市级自己的设备。", "the hub's own device cannot be revoked";
        AddressInUse { address: String } => "地址 {address} 已被占用，请换一个端口。", "the address {address} is in use; choose another port";
        Busy => "市级正忙，稍后会自动重试。", "the hub is busy; it will be tried again";

        // What lists and status say.
        Serving { web: String } => "服务已启动，本机页面：http://{web}/", "serving; the page of this replica: http://{web}/";
        ServingHub { listen: String, web: String } => "市级汇流中心已启动，监听 {listen}，本机页面：http://{web}/", "the hub is serving on {listen}; its page: http://{web}/";
        Stopped => "服务已停止，内容都已保存。", "stopped; everything is saved";
        Saved { id: String } => "已保存 {id}", "saved {id}";
        NothingChanged { id: String } => "内容与现有相同，没有新的修改 {id}", "nothing to change {id}";
        Deleted { id: String } => "已删除 {id}", "deleted {id}";
        Settled { field: String } => "已处理“{field}”的冲突", "the conflict in “{field}” is settled";
        NothingHere => "没有内容。", "nothing";
        NoNodes => "还没有节点加入。用 invite 开出邀请码，交给县区或乡镇。", "no node has joined yet; make a ticket with invite";
        NoConflicts => "没有待处理的冲突。", "no open conflicts";
        NothingQuarantined { n: usize } => "隔离区没有第 {n} 项。请用 quarantine list 查看。", "there is no item {n} in the quarantine; see quarantine list";
        NothingToRetry { n: usize } => "第 {n} 项不是草稿，不需要重写：其中本机写的内容已自动重新登记。", "item {n} is no draft: what was written here has been written again by itself";
        HowToRetry => "草稿不计入台账。重新登记：quarantine retry 序号，要改的栏目写在后面（栏目=值）；不再需要：quarantine drop 序号。", "drafts count nowhere; write one again with: quarantine retry N [FIELD=VALUE], or let it go with: quarantine drop N";
        DraftDropped => "这条草稿不再显示。", "the draft is listed no longer";
        WordDraft => "草稿", "draft";
        WordDrafts => "草稿", "drafts";
        WordAdoptable => "他机被退回的修改", "another's refused edit";
        RefusedThere => "市级不接收", "refused there";
        RefusedHere => "本机不接收", "refused here";
        ListCount { count: usize } => "共 {count} 条。", "{count} in all";
        RecordNamed { kind: String, name: String, id: String } => "{kind}“{name}”（{id}）", "{kind} “{name}” ({id})";
        ConflictOf { record: String, field: String, previous: String } => "{record}的“{field}”，原值：{previous}", "{record}, “{field}”, before: {previous}";
        HowToResolve => "请选定一个值：conflict resolve 记录编号 栏目 --take 序号，或 --value 另填的值。", "choose with: conflict resolve ID FIELD --take NUMBER, or --value another";
        HasConflict { field: String, count: usize } => "“{field}”有 {count} 个值待选定，请用 conflict show 查看。", "“{field}” has {count} values and waits for a choice; see conflict show";
        IsDeleted { id: String, who: String, at: String, reason: String } => "记录 {id} 已被{who}于北京时间 {at} 删除，原因：{reason}。如需恢复，请运行 record restore {id}", "record {id} was deleted by {who} at {at} Beijing time, because: {reason}; bring it back with: record restore {id}";
        Restored { id: String } => "已恢复 {id}", "restored {id}";
        NotDeleted { id: String } => "记录没有被删除，不用恢复 {id}", "the record is not deleted {id}";
        AlsoDeleted { count: usize } => "另有 {count} 条已删除，加 --deleted 可查看。", "{count} more are deleted; --deleted lists them";
        HeadDeleted => "删除原因", "why it was deleted";
        HasTwins { ids: String } => "与本机另一条记录重复（{ids}）。请核对后用 record delete 删除其中一条。", "the same as another record here ({ids}); compare them and delete one with record delete";
        Noted { odd: String } => "请留意，{odd}", "please note: {odd}";
        Followed { field: String, value: String } => "“{field}”随之改为：{value}", "“{field}” follows and becomes: {value}";
        FieldChanged { field: String, old: String, new: String } => "{field}：{old} → {new}", "{field}: {old} → {new}";
        ValueEmpty => "（空）", "(empty)";
        ValueDeleted { reason: String } => "删除（{reason}）", "deleted ({reason})";
        ValueKept => "保留", "kept";
        LabelDeleted => "删除", "deleted";
        HeadId => "编号", "id";
        HeadOwner => "归属", "owner";
        HeadDevice => "设备", "device";
        HeadSeen => "最近联系", "last heard";
        HeadVerified => "最近核对", "verified";
        HeadReason => "原因", "reason";
        HeadIncarnation => "写入编号", "incarnation";
        StateJoined => "已加入", "joined";
        VerifyGood { entries: u64, feeds: usize } => "校验通过：{entries} 条，{feeds} 个来源，没有损坏。", "verified: {entries} entries of {feeds} feeds, no damage";
        VerifyBad { count: usize } => "发现 {count} 处损坏，没有改动任何内容。请停止服务，运行 repair --from-hub 修复。", "{count} damaged entries; nothing was changed. Stop the service and run repair --from-hub";
        RepairedAll { repaired: u64, fetched: u64 } => "已修复：就地补回 {repaired} 条，从别处补回 {fetched} 条，没有缺失。原来的文件在 damaged 里。", "repaired: {repaired} entries from what is here, {fetched} from elsewhere, nothing is missing. The originals are in damaged/";
        RepairNothing => "没有损坏，也没有缺失，没有改动任何内容。", "nothing is damaged and nothing is missing; nothing was changed";
        RepairHoles { repaired: u64, fetched: u64, holes: usize, kept: u64 } => "补回 {repaired} 条和 {fetched} 条，仍有 {holes} 处缺失，别处也没有；缺失之后所写的 {kept} 条已重新保存，请核对最近填报的内容。原来的文件在 damaged 里。", "{repaired} and {fetched} entries were brought back; {holes} gaps remain that nobody can fill. {kept} entries written after them are saved anew; check what was entered last. The originals are in damaged/";
        RepairUnread { places: usize } => "有 {places} 处内容读不出来，已移出，其余完好。别处有的会在同步时补回；只在本机填过的，请核对最近填报的内容。原来的文件在 damaged 里。", "{places} places cannot be read and were taken out; the rest is whole. What others have comes back with the next sync; check what was entered last and only here. The originals are in damaged/";
        RepairLeft { count: usize } => "仍有 {count} 处损坏不能修复，请联系维护人员。", "{count} damaged entries cannot be repaired; ask whoever maintains it";
        RepairUnfinished { why_zh: String, why_en: String } => "本机能修复的已修复，还没有从市级补回缺失的内容：{why_zh}", "what could be repaired here is repaired, and nothing was fetched from the hub yet: {why_en}";
        NoBackup { dir: String } => "{dir} 不是一份数据目录的备份，没有改动任何内容。", "{dir} is no backup of a data directory; nothing was changed";
        Rebuilt { entries: u64 } => "索引已由 {entries} 条记录重新生成。", "the index was computed again from {entries} entries";
        DamagedHere { count: usize } => "本机数据文件有 {count} 处损坏。请停止服务，运行 repair --from-hub 修复。", "{count} places of the data files are damaged; stop the service and run repair --from-hub";
        OpenedToRead => "磁盘已满或只读，现在只能查看和导出，不能保存。", "the disk is full or read-only: records can be looked at and exported, and nothing can be saved";
        KeyOpen { file: String } => "密钥文件 {file} 别的用户也能读写，而且本程序改不了它的权限。请以它的属主执行 chmod 600 {file}，并确认属主是运行本程序的用户；如果可能已被别人读过，请在市级停用这台设备后重新加入。",
            "others can read or write the key file {file}, and this program cannot change that: run chmod 600 {file} as its owner, which must be the user that runs this program; if somebody may have read it, revoke this device at the hub and join again";
        KeyOfOthers { file: String } => "目录里已有密钥文件 {file}，但它不是本用户专有的，可能是别人放的，没有改动任何内容。请换一个空目录，或查明来历后删除它再试。",
            "there is a key file {file} already that is not this user's alone and may be somebody else's; nothing was changed: choose an empty directory, or delete it once you know where it comes from";
        CannotStart { zh: String, en: String } => "没有启动，没有改动任何内容：{zh}请先把整个数据目录另存一份，再联系维护人员。", "not started, and nothing was changed: {en}. Keep a copy of the whole data directory and ask whoever maintains it";
        HeadName => "名称", "name";
        HeadDivision => "区划", "division";
        HeadBase => "基数", "base";
        HeadExcluded => "不计入", "excluded";
        HeadOrganization => "组织覆盖", "organization coverage";
        HeadSolo => "单独组建", "on its own";
        HeadSoloRequired => "应建尽建", "built of those that should";
        HeadWork => "工作覆盖", "work coverage";
        HeadGapFullTime => "应建未建（专职）", "gaps (full time)";
        HeadGapWorking => "应建未建（条例）", "gaps (regulations)";
        HeadRate => "比率", "rate";
        HeadInBase => "是否计入基数", "in the base";
        HeadCover => "党组织", "Party organization";
        HeadWorkBy => "工作覆盖方式", "work coverage by";
        HeadFullTime => "专职正式党员", "full members, full time";
        HeadWorking => "正式党员", "full members";
        HeadGap => "应建未建依据", "why there is a gap";
        HeadDays => "已满天数", "days";
        HeadRule => "规则", "rule";
        HeadBody => "责任主体", "responsible body";
        HeadUnsettled => "待定", "open";
        HeadWhy => "依据", "why";
        HeadFinding => "疑点", "finding";
        HeadSeverity => "处理", "to do";
        HeadOfferedTo => "拟归属", "offered to";
        NoOffers => "没有待接收的记录。", "no record waits to be accepted";
        NotOffered { id: String } => "记录 {id} 没有待接收的归属变更。用 record offers 查看待接收的记录。", "record {id} is offered to nobody; record offers lists what is";
        Accepted { id: String, to: String } => "已接收 {id}，联网后转到{to}。", "accepted {id}; it moves to {to} with the next sync";
        OfferedTo { to: String } => "所填归属{to}不在填报单位的授权范围内：记录暂不转移，待有权单位（共同的上级）运行 record accept 接收", "it names {to} as owner, which its author's grant does not cover: it stays where it is until somebody above both runs record accept";
        HeadRecords => "涉及记录", "records";
        HeadUscc => "统一社会信用代码", "credit code";
        HeadKind => "种类", "kind";
        InBase => "计入", "counted";
        OwnLevel => "本级", "its own";
        Unsettled => "待定", "open";
        SheetCoverage => "覆盖情况", "coverage";
        SheetDetails => "明细", "rows";
        SheetGaps => "应建未建", "gaps";
        SheetFindings => "疑点", "findings";
        SheetResponsibility => "责任主体", "responsibility";
        CoverageNote { as_of: String, rules: String } => "统计日期 {as_of}，规则 {rules}；基数为状态正常的法人社会组织", "as of {as_of}, rules {rules}; the base are legal persons in good standing";
        GapsNote { as_of: String, rules: String, count: usize } => "应建未建 {count} 家；统计日期 {as_of}，规则 {rules}", "{count} should have a Party organization and have none; as of {as_of}, rules {rules}";
        FindingsNote { as_of: String, rules: String, faults: usize, warnings: usize } => "须处理 {faults} 项，请核实 {warnings} 项；统计日期 {as_of}，规则 {rules}", "{faults} to settle, {warnings} to look at; as of {as_of}, rules {rules}";
        FindingFault => "须处理", "settle";
        FindingWarning => "请核实", "look";
        ResponsibilityNote { count: usize, open: usize, rules: String } => "社会组织 {count} 家，其中责任主体待定 {open} 家；规则 {rules}", "{count} organizations, {open} without a settled body; rules {rules}";
        WroteReport { file: String } => "报表已写入 {file}。", "wrote the report, {file}";
        ReportEnding { file: String } => "报表只能写成 .xlsx 文件：{file}", "a report is written as .xlsx only: {file}";
        NoSuchReport { name: String, known: String } => "没有名为“{name}”的报表。可用：{known}。", "there is no report “{name}”; known are {known}";
        NotADay { text: String } => "“{text}”不是日期，请写成 2018-05-21。", "“{text}” is no date; write it as 2018-05-21";
        NothingSought => "请写出要查找的名称、代码或拼音首字母。", "write a name, a code or pinyin initials to look for";
        FoundMore { count: usize } => "另有 {count} 条，请多写几个字。", "{count} more; write more of it";
        NoSuchImport { id: String } => "本机没有编号为 {id} 的导入，或者它没有写入任何内容。", "no import {id} was made here, or it wrote nothing";
        UndoReason { id: String } => "撤销导入 {id}", "import {id} was undone";
        Undid { deleted: usize, restored: usize, kept: usize } => "已撤销：删除 {deleted} 条，改回 {restored} 条；{kept} 条后来有改动，保持不变。", "undone: {deleted} deleted, {restored} changed back; {kept} were changed since and stay as they are";
        WouldUndo { deleted: usize, restored: usize, kept: usize } => "撤销将删除 {deleted} 条、改回 {restored} 条；{kept} 条后来有改动，将保持不变。没有写入任何内容。", "undoing would delete {deleted} and change back {restored}; {kept} were changed since and would stay. Nothing was written";
        HowToUndo { id: String } => "如要撤销，请运行 import undo {id}", "to undo it, run import undo {id}";
        WroteTemplate { file: String } => "已写入空白表 {file}，填好后用 import 导入。", "wrote an empty table, {file}; fill it in and import it";
        Wrote { file: String, rows: usize } => "已写入 {file}，共 {rows} 行。", "wrote {file}, {rows} rows";
        Imported { created: usize, changed: usize, same: usize, refused: usize } => "新增 {created}，修改 {changed}，相同 {same}，未导入 {refused}。", "created {created}, changed {changed}, same {same}, refused {refused}";
        Rehearsed { created: usize, changed: usize, same: usize, refused: usize } => "预演（没有写入）：将新增 {created}，修改 {changed}，相同 {same}，不能导入 {refused}。", "rehearsal, nothing was written: would create {created}, change {changed}, same {same}, refuse {refused}";
        RowRefused { row: u32, reason: String, remedy: String } => "第 {row} 行不能导入：{reason}。{remedy}。", "row {row} refused: {reason}; {remedy}";
        CellMissing { row: u32, field: String, reason: String, remedy: String } => "第 {row} 行不能导入，{field}：{reason}。{remedy}。", "row {row} refused, {field}: {reason}; {remedy}";
        CellRefused { row: u32, field: String, value: String, reason: String, remedy: String } => "第 {row} 行不能导入，{field}“{value}”：{reason}。{remedy}。", "row {row} refused, {field} “{value}”: {reason}; {remedy}";
        RowOdd { row: u32, odd: String } => "第 {row} 行请留意，{odd}", "row {row}, please note: {odd}";
        MoreWarnings { count: usize } => "另有 {count} 条提示没有列出，加 --json 可看全部。", "{count} more notes are not shown; --json has all of them";
        MoreRefused { count: usize } => "另有 {count} 处没有列出，加 --report 文件名 可全部写成表格，逐行处理。", "{count} more refusals are not shown; --report FILE writes all of them as a table";
        RowOutside { owner: String } => "该行归属{owner}，不在本机的授权范围内", "the row belongs to {owner}, outside this replica's grant";
        RowOutsideRemedy => "请由该单位或其上级导入", "let that division or one above it import the row";
        RowOwnerRemedy => "请核对登记管理机关和所在乡级", "check authority and township";
        RowTwice { ids: String } => "本机有多条记录与该行相同（{ids}）", "several records here match the row ({ids})";
        RowTwiceRemedy => "请先处理重复的记录", "settle the duplicates first";
        RowOwner { from: String, to: String } => "这样会把记录从{from}转到{to}，那里不属于本市", "the record would move from {from} to {to}, outside this tree";
        RowGate { why: String } => "内容未通过检查（{why}）", "it did not pass the check ({why})";
        RowGateRemedy => "请核对这一行的内容", "check what the row says";
        RowOtherName { first: u32, name: String } => "与第 {first} 行（{name}）的代码相同，名称却不同", "the same code as row {first} ({name}) under another name";
        RowOtherNameRemedy => "请核对哪一行的代码写错了，改正后再导入", "see which row has the wrong code and import it again";
        RowAgain { row: u32, first: u32 } => "第 {row} 行与第 {first} 行是同一条记录，内容有不同，以第 {row} 行为准。", "row {row} is the same record as row {first} and says something else; row {row} counts";
        RowDeletedBefore { row: u32, id: String, reason: String } => "第 {row} 行作为新记录导入；本机删除过相同的记录（{id}，原因：{reason}）。如要恢复原来的，请删除新建的，再运行 record restore {id}", "row {row} is imported as a new record; the same was deleted here before ({id}, because: {reason}). To have that one back, delete the new one and run record restore {id}";
        SecretsLeftOut { count: usize } => "{count} 个公民身份号码只存摘要，用于查重：号码本身只在区县和乡镇保存。", "of {count} identity numbers only the hash is kept, to find the same person: the numbers themselves stay with counties and townships";
        RowAlike { row: u32, id: String } => "第 {row} 行没有公民身份号码，按姓名、出生年月和区划认作已有的记录 {id}，请核对是否同一人", "row {row} has no identity number and is taken for {id} by name, month of birth and division; check that it is the same person";
        WordWaiting => "等待", "waiting";
        WaitsForOther => "所依据的修改没有到达", "what it follows has not come";
        WaitsForArrival => "记录还没有转到那里", "its record has not come there";
        WaitsForUpgrade => "需要更新的程序才能识别", "a newer program is needed to read it";
        HowToRefuse => "“等待”的内容大多会在下次同步后计入。确认不会再来的，运行 quarantine refuse 代码 退回，作者会得到草稿；退回后不能恢复。", "what waits mostly counts after the next sync. What will never come quarantine refuse CODE refuses, and its author gets a draft; that is final";
        NothingToRefuse { which: String } => "“{which}”不是等待中的内容，没有改动。", "{which} waits for nothing; nothing was changed";
        WaitEnded { author: String } => "已退回{author}的这项内容，各节点下次同步后不再等待。", "refused what {author} had written; everybody stops waiting with the next sync";
        WaitingHere { count: usize } => "有 {count} 条内容已到达，所依据的内容还没有到，暂不计入，也暂不算已核对。一直等不到的由市级用 quarantine list 查看、quarantine refuse 退回。", "{count} entries have come and wait for what they follow: they do not count yet, and nothing is called verified. Where it never comes the hub sees quarantine list and ends it with quarantine refuse";
        OnlyHubRefuses => "退回等待的内容只能在市级进行。", "only the hub ends what waits";
        BeyondSight { division: String } => "{division}不在本机能看到的范围内，出不了它的报表。请到该单位或其上级出。", "{division} lies beyond what this replica sees, so no report of it can be made here; make it there or above it";
        UnmatchedPeople { count: usize } => "有 {count} 人的比对码还没有、或仍是旧比对密钥的，跨区县查重没有包括他们。各区县同步后会补齐；从别的区县转来的，由现在的区县重新填写公民身份号码", "{count} people have no match code under the present key and are not compared across counties: counties write them when they sync, and of who came from another county the number is to be entered again";
        NothingRead => "没有查阅涉密内容的登记。", "nothing secret was read here";
        HeadAt => "时间", "time";
        HeadBy => "查阅人", "by";
        HeadPurpose => "用途", "purpose";
        HeadRead => "查阅内容", "what";
        ReadList { kind: String } => "列出{kind}", "list of {kind}";
        ReadExport { kind: String } => "导出{kind}", "export of {kind}";
        ReadRecord { record: String } => "查看 {record}", "record {record}";
        ReadConflicts => "列出冲突", "list of conflicts";
        ReadConflictsOf { record: String } => "查看冲突 {record}", "conflicts of {record}";
        MatchKeyOfCounties => "比对密钥只由区县保存和更换，本机不是区县节点。", "match keys are kept and replaced by counties; this is none of a county";
        NoMatchKey => "还没有比对密钥，不必更换：有人员公民身份号码的区县同步时会自动生成。", "there is no match key yet and nothing to replace: a county that keeps identity numbers draws one when it syncs";
        MatchKeyReplaced => "已生成新的比对密钥。同步后由市级采用，各区县同步时自动改用并重写比对码；其间跨区县查重可能不全。", "a new match key is drawn. The hub takes it up with the next sync, and counties write their hashes anew when they sync; until then people in two counties may not be found";
        MatchKeyMissing => "比对密钥还没有传到本机，跨区县查重暂不完整，各区县同步后会有；若一直没有，说明没有区县还有这个密钥，请运行 match-key replace 更换。", "the match key has not come yet, so that people in two counties may not be found; it comes as counties sync. If it never does nobody has it any more: run match-key replace";
        PurposeNotNoted => "现在只能读取，无法登记查阅用途，涉密内容不予显示。", "this replica can only be read now, so the purpose cannot be noted and secrets are not shown";
        NewDeletedBefore { id: String, reason: String } => "本机删除过相同的记录（{id}，原因：{reason}）。如要恢复原来的，请删除新建的，再运行 record restore {id}", "the same record was deleted here before ({id}, because: {reason}). To have that one back, delete the new one and run record restore {id}";
        NewIncarnationLost => "上次关机时有已保存的内容从磁盘上丢失，下次同步会从市级补回。", "entries that had been saved were lost from the disk; the next sync brings them back from the hub";
        NewIncarnationSeen => "此设备像是从旧备份恢复或被复制的，正在从市级补齐内容，可以继续工作。", "this device seems to be restored or copied; it is filled up from the hub and goes on working";
        SetBackOften { times: usize } => "此设备已 {times} 次回到旧状态（像是装有还原卡或每日还原）。已同步的内容不会丢，但还原前未同步的会丢：请把数据目录放到不还原的磁盘上。", "this device has gone back to an old state {times} times (a restore card, or an image every day?); what was synced is safe, what was not is lost: put the data directory on a disk that is not restored";

        // The demonstration.
        DemoBegins { dir: String } => "演示：在 {dir} 建立一个市级汇流中心和若干节点，全部使用真实目录和真实 QUIC 连接。", "demonstration: a hub and nodes in {dir}, with real directories and real QUIC";
        DemoJoined { name: String } => "{name} 凭邀请码加入", "{name} joins with a ticket";
        DemoMakes { organizations: usize } => "正在编造一个有 {organizations} 家社会组织的城市", "a city of {organizations} organizations is made up";
        DemoImported { name: String, rows: usize, refused: usize } => "{name} 导入 {rows} 行，拒收 {refused} 行", "{name} imports {rows} rows, {refused} are refused";
        DemoMoved { name: String, branch: String } => "{name} 把一名党员的组织关系转到 {branch}", "{name} moves a member to {branch}";
        DemoCovered { name: String } => "{name} 被联合党组织覆盖", "{name} is covered by a joint branch";
        DemoCoverage => "覆盖情况，市级与各单位自己的数字对照：", "coverage, the hub's figures beside each unit's own:";
        DemoGaps { found: usize, made: usize, missing: usize, surplus: usize } => "应建未建 {found} 家；编造时设定 {made} 家，漏 {missing} 家，多 {surplus} 家：", "{found} gaps; {made} were made, {missing} are missing, {surplus} too many:";
        DemoFingerprints { name: String } => "{name} 与市级的记录不一致", "{name} and the hub hold other records";
        DemoFigures { name: String } => "{name} 与市级的覆盖数字不一致", "{name} and the hub have other figures";
        DemoAnswers { name: String } => "{name} 的覆盖数字与编造时的设定不一致", "the figures of {name} are not those that were made up";
        DemoGapsDiffer { missing: usize, surplus: usize } => "应建未建名单漏 {missing} 家、多 {surplus} 家", "the list of gaps lacks {missing} and has {surplus} too many";
        WordRecords => "记录", "records";
        WordPeople => "人员", "people";
        WordSame => "一致", "same";
        WordHub => "市级", "hub";
        WordYes => "是", "yes";
        WordNo => "否", "no";
        DemoSyncs => "各单位逐个与市级同步：", "everybody syncs with the hub in turn:";
        DemoLevel => "全部同步后：", "after everybody has synced:";
        DemoCut { names: String } => "断开 {names}，两边各自继续工作：", "{names} are cut off, both sides go on working:";
        DemoApart => "断网期间：", "while cut off:";
        DemoBack => "恢复连接并同步后：", "reconnected and synced:";
        DemoConflict { record: String, field: String, values: String, who: String } => "{record} 的“{field}”有两个值：{values}（{who}），采用第一个", "“{field}” of {record} has two values: {values} ({who}); the first is taken";
        DemoSettled => "处理冲突后：", "with the conflicts settled:";
        DemoEqual => "市级与各节点逐项一致。", "the hub and every node agree in everything they share";
        DemoUnequal { differences: String } => "不一致：{differences}。", "they do not agree: {differences}";
        DemoInterrupted => "演示已中断，临时目录已删除。", "the demonstration was interrupted; its directory is removed";
        DemoServing => "演示继续运行，按 Ctrl-C 结束。可以这样查看：", "the demonstration goes on until Ctrl-C; look at it with:";

        // Made-up cities.
        GenerateWhere { text: String } => "“{text}”不是已知的市或区县代码，没有写入任何内容。例如 3302 或 330203。", "“{text}” is no known city or county, and nothing was written; write a code such as 3302 or 330203";
        GenerateCounty { text: String, known: String } => "“{text}”不在所选的市里，没有写入任何内容。可选：{known}。", "“{text}” has no folder in this city, and nothing was written; choose from {known}";
        Generated { dir: String, files: usize, rows: usize, organizations: usize, members: usize, party_orgs: usize, refused: usize, gaps: usize } => "已在 {dir} 写入 {files} 个表，共 {rows} 行。全市社会组织 {organizations} 家、党员 {members} 名、党组织 {party_orgs} 个；所写的表中应拒收 {refused} 行，应建未建 {gaps} 家，答案在 answers.json。", "wrote {files} tables with {rows} rows into {dir}. The city has {organizations} organizations, {members} members and {party_orgs} Party organizations; of the rows written {refused} must be refused, and {gaps} organizations lack a Party organization: see answers.json";

        // Words of lists.
        WordUnit => "单位", "unit";
        WordOrganizations => "社会组织", "organizations";
        WordPending => "待上报", "pending";
        WordConflicts => "冲突", "conflicts";
        WordOpenConflicts => "待处理冲突", "conflicts";
        WordQuarantined => "隔离区", "quarantined";
        MendedHere { times: usize } => "核对时有 {times} 次发现本机索引有误，已由数据文件自动改正，内容没有丢失。如反复出现，请检查磁盘。", "beside a peer the index was found wrong {times} times and was mended from the data files; nothing is lost. If it happens again and again, check the disk";
        WordDuplicates => "重复的记录", "duplicates";
        LookAtDuplicates => "有重复的记录，请用 record list 种类 --duplicates 查看，核对后删除多余的。", "records are here more than once; see record list KIND --duplicates and delete what is too many";
        WordState => "状态", "state";
        StateLevel => "已核对", "verified";
        StateBehind => "未同步", "not level";
        DuplicateHere { id: String } => "没有保存：本机已有相同的记录（{id}）。请改用 record set 修改它。", "not saved: this record is here already ({id}); change it with record set";
        DuplicateRestored { id: String } => "没有恢复：本机已有相同的记录（{id}）。请先删除其中一条。", "not restored: the same record is here already ({id}); delete one of them first";
        DuplicateWouldBe { id: String } => "没有保存：这样修改会与本机另一条记录相同（{id}）。请核对代码和名称。", "not saved: the record would be the same as another one here ({id}); check code and name";

        // Reasons of refusals.
        ReasonScope => "超出授权范围", "outside the author's grant";
        ReasonSignature => "签名不符", "the signature does not hold";
        ReasonShape => "格式不符或过大", "not of the right shape, or too large";
        ReasonFork => "与已有内容分叉", "it forks from what is held";
        ReasonNotHub => "只有市级可以写这类内容", "only the hub may write this";
        ReasonMaker => "记录编号不是该设备所建", "the record's id was not made by that device";
        ReasonAuthor => "修改不是该设备所写", "the change was not written by that device";
        ReasonRepeated => "同一内容已经在了", "the same is there already";
        ReasonTooLarge => "一批内容过大，超过可以传送的大小", "a stretch is larger than can be sent";
        ReasonFull => "记录连同修改历史超过 256 KB", "the record with its history would be larger than 256 KB";
        ReasonNeedsNewer => "需要对方升级程序才能读取", "the other side needs a newer program to read it";
        ReasonDamaged => "本机数据有损坏，等待修复", "its bytes are damaged on the disk and wait for repair";
        ReasonGivenUp => "所依据的内容一直没有到达，市级已退回", "what it follows never came, and the hub has ended the wait";
        ReasonUnborn => "该记录的首次登记已被退回，记录没有建成", "the first edit of its record was refused, so that there is no such record";
        ReasonChannel => "记录不在这个范围内", "the record lives elsewhere";
        ReasonKind => "记录种类不符", "another kind of record";
        ReasonRevoked => "授权撤销之后所写", "written after the grant had ended";
        ReasonGate => "未通过内容检查", "it did not pass the gate";
    }
}

impl Say {
    /// The sentence for somebody whose language is not known: Chinese, a line end, English.
    pub fn both(&self) -> String {
        format!("{}\n{}", self.text(Lang::Zh), self.text(Lang::En))
    }

    /// What a hub said no with, as [`Say::both`] makes it: in Chinese and in English. `revoked`: for good.
    pub fn refused(sentence: &str, revoked: bool) -> Self {
        let (zh, en) = sentence.split_once('\n').unwrap_or((sentence, sentence));
        let (zh, en) = (zh.to_owned(), en.to_owned());
        if revoked { Self::HubRevoked { zh, en } } else { Self::HubSaidNo { zh, en } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_hub_says_no_with_is_read_in_ones_own_language() {
        let no = Say::DeviceRevoked { reason: "换机".into() };
        let told = Say::refused(&no.both(), true);
        assert!(told.text(Lang::Zh).contains("授权已被市级撤销"));
        let english = told.text(Lang::En);
        assert!(english.starts_with("the hub refuses: the hub has revoked") && !english.contains("授权"));
        assert_eq!(Say::refused("no", false).text(Lang::En), "the hub refuses: no");
    }
}
