//! Every bound in one place, with its reason.

use std::time::Duration;

/// Uncompressed bytes of a chunk, unless `--chunk-size` says otherwise.
pub const CHUNK_BYTES: usize = 16 << 20;
/// The smallest `--chunk-size`: below it the per-chunk records weigh more than the dedupe gains.
pub const CHUNK_BYTES_MIN: usize = 64 << 10;
/// The largest `--chunk-size`: a chunk is loaded from memory in one statement.
pub const CHUNK_BYTES_MAX: usize = 256 << 20;
/// An object is closed once it holds this many stored bytes; one more chunk may then take it to 64 MiB.
pub const OBJECT_BYTES: usize = 32 << 20;
/// Bytes in flight, unless `--memory` says otherwise.
pub const MEMORY_BYTES: usize = 1 << 30;
/// One part of a schema document or chunk list, uncompressed: what a reader holds at once.
pub const PART_BYTES: usize = 8 << 20;
/// The zstd level: level 3 costs up to eight times the CPU of level 1 on rows and saves a tenth at most.
pub const ZSTD_LEVEL: i32 = 1;
/// Read buffer of a raw session: from 64 KiB up the size makes no difference to speed.
pub const READ_BUFFER_BYTES: usize = 256 << 10;
/// How long a connection attempt may take.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long FLUSH TABLES WITH READ LOCK may wait before it is killed and tried again: nobody else's
/// writes wait longer than this.
pub const GLOBAL_LOCK_WAIT: Duration = Duration::from_millis(250);
/// How often the global lock is tried before the next way to a snapshot is taken: half a minute in all.
pub const GLOBAL_LOCK_TRIES: u32 = 40;
/// Pause before the global lock or LOCK TABLES is tried again, so that what waited for it can run; it doubles four times.
pub const GLOBAL_LOCK_PAUSE: Duration = Duration::from_millis(50);
/// A statement that has run for so long keeps the global lock from being tried: tables that it reads would be
/// closed to new readers until it ends.
pub const LONG_STATEMENT_SECONDS: u64 = 2;
/// How long the global lock waits for such statements to end before the next way is taken.
pub const LONG_STATEMENT_WAIT: Duration = Duration::from_secs(10);
/// How often snapshots are opened in the hope that nothing is committed meanwhile: at 1,300 commits a second
/// two in five tries succeed (9.7.4).
pub const LOG_STATUS_TRIES: u32 = 500;
/// Pause between two such tries.
pub const LOG_STATUS_PAUSE: Duration = Duration::from_millis(5);
/// How long LOCK INSTANCE FOR BACKUP waits for a running DDL statement.
pub const BACKUP_LOCK_WAIT: Duration = Duration::from_secs(30);
/// How often LOCK TABLES is tried, each time for [`GLOBAL_LOCK_WAIT`]: it waits for open transactions that have written to
/// a table, and meanwhile keeps writers from the tables that it has.
pub const TABLE_LOCK_TRIES: u32 = 20;
/// How long a session waits for a table's metadata lock.
pub const METADATA_LOCK_WAIT: Duration = Duration::from_secs(10);
/// How long a definition waits for a table that another session flushes; writers of the whole server may wait meanwhile.
pub const DEFINITION_LOCK_WAIT: Duration = Duration::from_secs(1);
/// How often the view is taken anew for that reason.
pub const DEFINITION_TRIES: u32 = 20;
/// Pause before it is.
pub const DEFINITION_PAUSE: Duration = Duration::from_millis(200);
/// Tables in one statement that takes metadata locks.
pub const METADATA_LOCK_TABLES: usize = 100;
/// How long a restore waits for the named lock of another: the sessions of a program that was killed a moment ago
/// take a while to end.
pub const RUN_LOCK_WAIT: Duration = Duration::from_secs(10);
/// How long a restore waits for sessions of a dead run that it has killed: an ALTER may have much to undo.
pub const DEAD_SESSION_WAIT: Duration = Duration::from_secs(120);
/// How often it looks whether they are gone.
pub const DEAD_SESSION_PAUSE: Duration = Duration::from_millis(100);
/// How long the workers of a restore that was asked to stop may take to finish the chunk they are in; after that
/// their statements are killed.
pub const STOP_WAIT: Duration = Duration::from_secs(3);
/// How far apart the two looks are that tell whether others write to a target: a heartbeat or a queue's poller shows
/// within it.
pub const WRITES_WATCHED: Duration = Duration::from_secs(5);
/// How often a lost session of a restore is opened anew before the run gives up, and the first pause before that; each
/// further one is twice as long: 13 s in all, in which a failing network or a proxy that restarts comes back.
pub const RECONNECT_TRIES: u32 = 8;
/// See [`RECONNECT_TRIES`].
pub const RECONNECT_PAUSE: Duration = Duration::from_millis(50);
/// How often one chunk, one index build or one range of a proof may lose its session.
pub const LOST_TRIES: u32 = 10;
/// How often a session that has nothing to do shows the server, and whatever stands between, that it still lives.
pub const KEEP_ALIVE_EVERY: Duration = Duration::from_secs(10);
/// How often a transaction or a definition is tried again after a deadlock or a lock wait timeout.
pub const LOCK_TRIES: u32 = 10;
/// The pause before that; it doubles five times.
pub const LOCK_PAUSE: Duration = Duration::from_millis(50);
/// How often somebody who waits looks whether a stop was asked for.
pub const STOP_PAUSE: Duration = Duration::from_millis(100);
/// How long a replica's threads may take until both run.
pub const REPLICATION_WAIT: Duration = Duration::from_secs(60);
/// How long they must run before they count as started: a source refuses a position a moment after the login.
pub const REPLICATION_STEADY: Duration = Duration::from_secs(1);
/// How long a replica that is behind is looked at, so that a wrong position shows.
pub const REPLICATION_LOOK: Duration = Duration::from_secs(10);
/// The target's memory for building indexes, unless `--target-memory` says otherwise: 16 ALTERs with the largest buffer.
pub const TARGET_MEMORY_BYTES: u64 = 1 << 30;
/// The buffer of one ALTER: at this size it costs the server least CPU; with more it writes less and faults more (9.7.4).
pub const DDL_BUFFER_BYTES: u64 = 64 << 20;
/// With less than this in each, fewer ALTERs run at once: the smallest buffer that was measured to be as cheap.
pub const DDL_BUFFER_BYTES_SMALL: u64 = 4 << 20;
/// The smallest buffer that a server takes.
pub const DDL_BUFFER_BYTES_MIN: u64 = 64 << 10;
/// How long a restore that is broken off tries to reach the target again, to put its settings back.
pub const PUT_BACK_WAIT: Duration = Duration::from_secs(10);
/// A table with less row text than this is made with all its indexes at once: of 20 ms that each small table took, the
/// ALTER that adds indexes late was more than half (9.7.4).
pub const SMALL_TABLE_BYTES: u64 = 256 << 10;
/// Row text of a restore whose rates are recorded: with less, what it takes is told by the start of sessions and threads.
pub const RATES_BYTES_MIN: u64 = 1 << 20;
/// Rows of one prepared INSERT where LOAD DATA LOCAL cannot be had: 50-row statements cost the server
/// least (measured; 1000-row statements cost more).
pub const INSERT_ROWS: usize = 50;
/// How often a plain progress line is printed where there is no terminal.
pub const PROGRESS_LINE_EVERY: Duration = Duration::from_secs(5);
/// The largest `--threads`: beyond it a server gains nothing and its connection limit is near.
pub const THREADS_MAX: usize = 256;
/// Files in a repository's `tmp/` older than this belong to no living put and are removed.
pub const TEMPORARY_FILE_AGE: Duration = Duration::from_secs(24 * 3600);
/// Above this size an object goes to S3 in parts: one failed part is sent again, not the whole object.
pub const MULTIPART_FROM_BYTES: usize = 16 << 20;
/// A part of a multipart upload; S3 takes 5 MiB and more, some servers want all but the last of one size.
pub const UPLOAD_PART_BYTES: usize = 8 << 20;
/// Parts of one object on their way to S3 at a time.
pub const UPLOAD_PARTS_AT_ONCE: usize = 4;
/// How long one request to S3 may take: 64 MiB at 220 KB/s.
pub const OBJECT_REQUEST_TIMEOUT: Duration = Duration::from_secs(300);
/// How long S3 may send nothing, from the request on; sending a part counts too.
pub const OBJECT_READ_TIMEOUT: Duration = Duration::from_secs(120);
/// How often a request to S3 is tried again; with the back-off this rides out about two minutes.
pub const OBJECT_RETRIES: usize = 12;
/// For how long a request to S3 is tried again; below the five minutes that a signature is valid for.
pub const OBJECT_RETRY_TIME: Duration = Duration::from_secs(150);
/// Tries after the first at opening a repository: a wrong endpoint or no credentials should show soon.
pub const OBJECT_OPEN_RETRIES: usize = 2;
/// How often a conditional put is tried where S3 answers 409 (another request was on its way) and nothing is
/// there afterwards.
pub const CONDITIONAL_PUT_TRIES: u32 = 5;
/// The largest `verify --rows`: so many rows of a table are kept in memory to be named.
pub const ROWS_NAMED_MAX: usize = 100_000;
/// How often a process at work in an object store writes its notice anew.
pub const NOTICE_BEAT: Duration = Duration::from_secs(3);
/// A notice that stands still for so long belongs to a process that died: four beats.
pub const NOTICE_SILENCE: Duration = Duration::from_secs(12);
/// How often a notice is looked at meanwhile.
pub const NOTICE_LOOK: Duration = Duration::from_millis(500);
/// Pause before a run that found another at work looks once more: one that was just killed takes a moment to end.
pub const REPOSITORY_LOCK_PAUSE: Duration = Duration::from_millis(500);
/// How long the earlier of two runs that began at the same moment waits for the later one to step back.
pub const REPOSITORY_LOCK_WAIT: Duration = Duration::from_secs(20);
/// Requests that prune, and whoever looks for many objects, has on their way to a store at once.
pub const REQUESTS_AT_ONCE: usize = 16;
/// Objects that one record of a prune condemns: 700 KB of JSON.
pub const CONDEMNED_AT_ONCE: usize = 10_000;
/// Objects that a prune deletes before it looks again whether the record that condemned them stands.
pub const DELETED_AT_ONCE: usize = 256;
/// How long a condemned object is kept, unless `--grace` says otherwise: longer than a restore or backup runs.
pub const PRUNE_GRACE: Duration = Duration::from_secs(3 * 86_400);
/// Characters of a name that a server takes (MySQL manual, "Identifier Length Limits").
pub const NAME_CHARACTERS_MAX: usize = 64;
/// Characters of a user's or a host's name: 32 and 255 are the servers' own limits (MySQL manual, "Identifier Length
/// Limits"; MariaDB takes 128 for a user).
pub const ACCOUNT_NAME_CHARACTERS_MAX: usize = 255;
/// Columns of a table: MySQL takes 4,096, and what MariaDB adds to a versioned table is among them.
pub const COLUMNS_MAX: usize = 4096;
/// Partitions of a table, sub-partitions among them: 8,192 is the servers' limit (MySQL manual, "Restrictions and
/// Limitations on Partitioning").
pub const PARTITIONS_MAX: usize = 8192;
/// A manifest, stored. It has some 200 bytes for each 8 MiB part, and a line for each thing that was not taken.
pub const MANIFEST_BYTES_MAX: u64 = 32 << 20;
/// The marker of a repository, stored: five short fields.
pub const MARKER_BYTES_MAX: u64 = 64 << 10;
/// One part of definitions or chunk lists, unpacked: 8 MiB, and one line more, which may hold a long routine.
pub const PART_BYTES_MAX: u64 = 128 << 20;
/// All parts of a backup, unpacked: definitions and chunk lists are held in memory, as records of about the size of their
/// lines. 100,000 tables and 10 TB need 600 MB.
pub const PARTS_BYTES_MAX: u64 = 4 << 30;
/// Row text of one chunk, or its typed list: a chunk of the largest size, and one row of the largest packet, in which
/// every byte may be escaped.
pub const CHUNK_RECORD_BYTES_MAX: u64 = CHUNK_BYTES_MAX as u64 + (2 << 30);
/// An object: one that is nearly full, and a frame of row text with one of typed values that will not compress.
pub const OBJECT_BYTES_MAX: u64 = OBJECT_BYTES as u64 + 3 * CHUNK_RECORD_BYTES_MAX;
/// Records of a history that a drill reads: the newest, of nearly three years of nights.
pub const DRILLS_READ_MAX: usize = 1000;
/// A drill's record, stored: it names some tables and assertions, and every failure.
pub const DRILL_RECORD_BYTES_MAX: u64 = 16 << 20;
/// The tables of a drill, stored and unpacked: a million tables.
pub const DRILL_TABLES_BYTES_MAX: u64 = 256 << 20;
/// The least and the most of a drill's buffer pool, where no `memory` is given; between them a quarter of the machine's memory.
pub const DRILL_BUFFER_POOL_BYTES_MIN: u64 = 128 << 20;
/// See [`DRILL_BUFFER_POOL_BYTES_MIN`].
pub const DRILL_BUFFER_POOL_BYTES_MAX: u64 = 8 << 30;
/// How long an assertion of a drill may take, unless it says otherwise.
pub const ASSERTION_TIMEOUT: Duration = Duration::from_secs(600);
/// How long the command or the server that is told of a drill may take.
pub const NOTIFY_TIMEOUT: Duration = Duration::from_secs(30);
/// Raw bytes after which a segment of a binary log is closed, unless `--segment-size` says otherwise.
pub const SEGMENT_BYTES: u64 = 64 << 20;
/// The smallest `--segment-size`: below it the index weighs more than what is indexed.
pub const SEGMENT_BYTES_MIN: u64 = 16 << 10;
/// The largest `--segment-size`: a segment is stored from memory, and as many bytes may be sent again after a kill.
pub const SEGMENT_BYTES_MAX: u64 = 1 << 30;
/// The age at which an open segment is closed, unless `--segment-time` says otherwise: what a crash of this machine loses
/// can be had from the server again; what one of both loses is no more than this.
pub const SEGMENT_TIME: Duration = Duration::from_secs(60);
/// Raw bytes of one frame of a segment: what a transaction that is not complete takes in memory uncompressed.
pub const SEGMENT_FRAME_BYTES: usize = 4 << 20;
/// An index document of a segment, stored: its longest fields are GTID sets.
pub const SEGMENT_INDEX_BYTES_MAX: u64 = 8 << 20;
/// How often a server that has no events to send says that it lives; a stop is seen no later than that.
pub const BINLOG_HEARTBEAT: Duration = Duration::from_millis(500);
/// A stream that is silent for so long is taken for lost.
pub const BINLOG_SILENCE_MAX: Duration = Duration::from_secs(60);
/// The first pause before a lost stream is opened again; it doubles, up to [`BINLOG_RECONNECT_PAUSE_MAX`].
pub const BINLOG_RECONNECT_PAUSE: Duration = Duration::from_millis(500);
/// See [`BINLOG_RECONNECT_PAUSE`].
pub const BINLOG_RECONNECT_PAUSE_MAX: Duration = Duration::from_secs(30);
/// What `verify` reads of a segment at once.
pub const SEGMENT_READ_BYTES: u64 = 8 << 20;
