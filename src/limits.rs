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
/// How often the global lock is tried before the next way to a snapshot is taken.
pub const GLOBAL_LOCK_TRIES: u32 = 60;
/// Pause between two tries of the global lock, so that what waited for it can run.
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
/// How long LOCK TABLES waits for open transactions that have written to a table.
pub const TABLE_LOCK_WAIT: Duration = Duration::from_secs(5);
/// How often LOCK TABLES is tried.
pub const TABLE_LOCK_TRIES: u32 = 3;
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
/// How often somebody who waits looks whether a stop was asked for.
pub const STOP_PAUSE: Duration = Duration::from_millis(100);
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
