//! What one program run costs: wall time, CPU and memory of the client, CPU and written bytes of the
//! server. Everything is read from /proc (proc(5)), for this program and its rivals alike.
//!
//! The client's CPU is user and system time of the process and of those children that it waited for, read
//! while the kernel still holds the ended process. Its peak memory is VmHWM, looked at every few
//! milliseconds: `ru_maxrss` would begin at the size of the process that started it. Of several processes at a time it is the
//! sum, which counts shared pages more than once; children that the process does not wait for are lost to the CPU's figure.

use super::error::BenchError;
use crate::progress::Stop;
use crate::sandbox::process::spawn_bound;
use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};
use serde::Serialize;
use std::ffi::OsString;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// How often the running process is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(5);
/// How much of a failed program's standard error is quoted.
const COMPLAINT_BYTES: usize = 2000;

/// A program run as a plain value.
#[derive(Clone, Debug)]
pub struct Step {
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<OsString>,
    /// Variables set for it.
    pub environment: Vec<(&'static str, OsString)>,
    /// The file it reads as standard input.
    pub input: Option<PathBuf>,
    /// The file its standard output goes to.
    pub output: Option<PathBuf>,
    /// An exit status other than 0 is no failure: the program goes on after what it cannot do, and what it did is judged.
    pub may_fail: bool,
}

impl Step {
    /// The command as a person would type it.
    pub fn describe(&self) -> String {
        let name = self.program.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let words = self.arguments.iter().map(|argument| argument.to_string_lossy().into_owned());
        let mut line = std::iter::once(name).chain(words).collect::<Vec<_>>().join(" ");
        for (mark, file) in [("<", &self.input), (">", &self.output)] {
            if let Some(file) = file {
                line.push_str(&format!(" {mark} {}", file.display()));
            }
        }
        line
    }
}

/// What one run cost.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Usage {
    /// From start to end.
    pub wall_seconds: f64,
    /// User and system time of the client and its children.
    pub client_cpu_seconds: f64,
    /// The client's largest resident size.
    pub client_memory_bytes: u64,
    /// User and system time of the server meanwhile; none where its process is not ours to see.
    pub server_cpu_seconds: Option<f64>,
    /// Bytes the server caused to be written to disk meanwhile.
    pub server_written_bytes: Option<u64>,
}

/// Runs a program to its end and measures it, beside the server `server_pid`. Its standard error goes to a
/// file in `folder`. It is killed where somebody asks to stop.
pub async fn run(step: &Step, server_pid: Option<u32>, folder: &Path, stop: &Stop) -> Result<Usage, BenchError> {
    let (step, complaints, stop) = (step.clone(), folder.join("stderr"), stop.clone());
    let measured = tokio::task::spawn_blocking(move || run_blocking(&step, server_pid, &complaints, &stop));
    measured.await.map_err(|error| BenchError::Task(error.to_string()))?
}

fn run_blocking(step: &Step, server_pid: Option<u32>, complaints: &Path, stop: &Stop) -> Result<Usage, BenchError> {
    let failed =
        |status: String, complaint: String| BenchError::Program { program: step.describe(), status, complaint };
    let mut command = Command::new(&step.program);
    command.args(&step.arguments).env_remove("MYSQL_PWD").envs(step.environment.iter().cloned());
    command.stdin(match &step.input {
        Some(file) => File::open(file).map_err(file_error("read", file))?.into(),
        None => Stdio::null(),
    });
    command.stdout(match &step.output {
        Some(file) => File::create(file).map_err(file_error("create", file))?.into(),
        None => Stdio::null(),
    });
    command.stderr(File::create(complaints).map_err(file_error("create", complaints))?);

    let server_before = server_pid.and_then(ServerReading::take);
    let start = Instant::now();
    let mut child = spawn_bound(command).map_err(|error| failed("not started".into(), error.to_string()))?;
    let pid = Pid::from_child(&child);
    let mut memory = 0;
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    while let Ok(None) = waitid(WaitId::Pid(pid), options) {
        memory = memory.max(peak_memory(pid.as_raw_nonzero().get()));
        if stop.stopped() {
            let _ = child.kill();
            let _ = child.wait();
            return Err(BenchError::Interrupted);
        }
        std::thread::sleep(LOOK_EVERY);
    }
    let wall_seconds = start.elapsed().as_secs_f64();
    let client_cpu_seconds = cpu_seconds(pid.as_raw_nonzero().get() as u32, true).unwrap_or(0.0);
    let server_after = server_pid.and_then(ServerReading::take);
    let status = child.wait().map_err(|error| failed("lost".into(), error.to_string()))?;
    if !status.success() && !step.may_fail {
        let text = fs::read(complaints).unwrap_or_default();
        let end = &text[text.len().saturating_sub(COMPLAINT_BYTES)..];
        return Err(failed(status.to_string(), String::from_utf8_lossy(end).trim().to_owned()));
    }
    let server = server_before.zip(server_after);
    Ok(Usage {
        wall_seconds,
        client_cpu_seconds,
        client_memory_bytes: memory,
        server_cpu_seconds: server.map(|(before, after)| after.cpu_seconds - before.cpu_seconds),
        server_written_bytes: server.map(|(before, after)| after.written_bytes.saturating_sub(before.written_bytes)),
    })
}

/// Turns an I/O error into one that names the file.
pub fn file_error(doing: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> BenchError {
    let path = path.to_owned();
    move |source| BenchError::File { doing, path, source }
}

#[derive(Clone, Copy)]
struct ServerReading {
    cpu_seconds: f64,
    written_bytes: u64,
}

impl ServerReading {
    fn take(pid: u32) -> Option<ServerReading> {
        let io = fs::read_to_string(format!("/proc/{pid}/io")).ok()?;
        let written = io.lines().find_map(|line| line.strip_prefix("write_bytes: "))?;
        Some(ServerReading { cpu_seconds: cpu_seconds(pid, false)?, written_bytes: written.trim().parse().ok()? })
    }
}

/// User and system time of a process so far, and of those of its children that it waited for; none where it is not ours to see.
pub fn cpu_seconds(pid: u32, with_children: bool) -> Option<f64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let ticks = cpu_ticks(&stat, with_children)?;
    Some(ticks as f64 / rustix::param::clock_ticks_per_second() as f64)
}

/// Fields 14 to 17 of /proc/PID/stat: utime, stime, and the same of waited-for children. The second field is
/// the program's name in brackets and may hold anything, so fields are counted from its end.
fn cpu_ticks(stat: &str, with_children: bool) -> Option<u64> {
    let fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    fields.take(if with_children { 4 } else { 2 }).map(|field| field.parse::<u64>().ok()).sum()
}

/// Of a process and all that descend from it, as far as they are there now.
fn peak_memory(pid: i32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB"));
    let own = peak.and_then(|kilobytes| kilobytes.parse::<u64>().ok()).unwrap_or(0) * 1024;
    own + children(pid).into_iter().map(peak_memory).sum::<u64>()
}

/// The processes that a process started with its first thread (proc_pid_task_children(5)).
fn children(pid: i32) -> Vec<i32> {
    let list = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    list.split_whitespace().filter_map(|number| number.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Step {
        Step {
            program: "/bin/sh".into(),
            arguments: vec!["-c".into(), script.into()],
            environment: vec![],
            input: None,
            output: None,
            may_fail: false,
        }
    }

    #[tokio::test]
    async fn cpu_of_a_child_of_the_child_is_counted() {
        let folder = tempfile::tempdir().unwrap();
        let busy = shell("i=0; (while [ $i -lt 300000 ]; do i=$((i+1)); done); exit 0");
        let usage = run(&busy, Some(std::process::id()), folder.path(), &Stop::default()).await.unwrap();
        assert!(usage.client_cpu_seconds > 0.05, "{usage:?}");
        assert!(usage.wall_seconds >= usage.client_cpu_seconds * 0.5, "{usage:?}");
        assert!(usage.client_memory_bytes > 0 && usage.server_cpu_seconds.is_some(), "{usage:?}");
        let idle = run(&shell("sleep 0.2"), None, folder.path(), &Stop::default()).await.unwrap();
        assert!(idle.client_cpu_seconds < 0.1 && idle.wall_seconds > 0.19, "{idle:?}");
    }

    #[tokio::test]
    async fn memory_is_that_of_all_processes() {
        let folder = tempfile::tempdir().unwrap();
        let one = run(&shell("sleep 0.3"), None, folder.path(), &Stop::default()).await.unwrap();
        let several = shell("(sleep 0.3; :) & (sleep 0.3; :) & (sleep 0.3; :) & wait");
        let several = run(&several, None, folder.path(), &Stop::default()).await.unwrap();
        assert!(several.client_memory_bytes > one.client_memory_bytes, "{several:?} {one:?}");
    }

    #[tokio::test]
    async fn a_failed_program_is_quoted() {
        let folder = tempfile::tempdir().unwrap();
        let error = run(&shell("echo no such table >&2; exit 3"), None, folder.path(), &Stop::default())
            .await
            .unwrap_err()
            .to_string();
        assert!(error.contains("no such table") && error.contains("exit status: 3"), "{error}");
    }

    #[tokio::test]
    async fn stop_kills_the_program() {
        let folder = tempfile::tempdir().unwrap();
        let stop = Stop::default();
        stop.stop();
        let start = Instant::now();
        let error = run(&shell("sleep 30"), None, folder.path(), &stop).await.unwrap_err();
        assert!(matches!(error, BenchError::Interrupted) && start.elapsed() < Duration::from_secs(10));
    }

    #[test]
    fn a_name_with_brackets_and_spaces_does_not_shift_the_fields() {
        let stat = "7 (a) b) S 1 7 7 0 -1 4194560 1 2 3 4 10 20 30 40 20 0";
        assert_eq!((cpu_ticks(stat, false), cpu_ticks(stat, true)), (Some(30), Some(100)));
    }
}
