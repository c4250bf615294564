//! A small S3 server for tests: real HTTP, real signatures, objects as files. It listens on a free port of
//! 127.0.0.1, prints its address as the first line, and ends when its standard input closes, so that a killed
//! test leaves none behind. Called as `s3_server FOLDER ACCESS_KEY SECRET_KEY`; each folder in FOLDER is a
//! bucket. `s3s-fs` 0.11 does the work but overwrites on `If-None-Match: *` and makes missing buckets: both
//! are put right here.
//!
//! With `--google` as a fourth word it speaks as Google Cloud Storage does instead (Cloud Storage XML API reference): the
//! same requests with a bearer token, which is the secret, and with `x-goog-` headers for metadata and conditions.

use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, ETAG, HeaderMap, HeaderName, HeaderValue};
use hyper::service::{Service as _, service_fn};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use s3s::auth::SimpleAuth;
use s3s::dto::*;
use s3s::service::S3ServiceBuilder;
use s3s::{S3, S3Request, S3Response, S3Result, s3_error};
use s3s_fs::FileSystem;
use std::io::Read;
use std::path::PathBuf;
use tokio::net::TcpListener;
use tokio::sync::RwLock;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (folder, access_key, secret_key, google) = match arguments.as_slice() {
        [folder, access_key, secret_key] => (folder, access_key, secret_key, false),
        [folder, access_key, secret_key, word] if word == "--google" => (folder, access_key, secret_key, true),
        _ => anyhow::bail!("usage: s3_server FOLDER ACCESS_KEY SECRET_KEY [--google]"),
    };
    let files = FileSystem::new(folder).map_err(|error| anyhow::anyhow!("{folder}: {error:?}"))?;
    let mut builder = S3ServiceBuilder::new(Conditional { folder: folder.into(), files, gate: RwLock::new(()) });
    if !google {
        builder.set_auth(SimpleAuth::from_single(access_key.clone(), secret_key.clone()));
    }
    let bearer = format!("Bearer {secret_key}");
    let service = builder.build().into_shared();

    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    println!("http://{}", listener.local_addr()?);
    std::thread::spawn(|| {
        // Ends at the end of input and at an error alike.
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(0);
    });
    loop {
        let (socket, _) = listener.accept().await?;
        let (service, bearer) = (service.clone(), bearer.clone());
        tokio::spawn(async move {
            let http = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
            // A client that goes away is no failure of the server.
            if google {
                let translated = service_fn(move |request: Request<Incoming>| {
                    let (service, bearer) = (service.clone(), bearer.clone());
                    async move {
                        if request.headers().get(AUTHORIZATION).is_none_or(|sent| sent.as_bytes() != bearer.as_bytes())
                        {
                            return Ok(refused());
                        }
                        Ok::<_, s3s::S3Error>(from_s3(service.call(to_s3(request)).await?))
                    }
                });
                let _ = http.serve_connection(TokioIo::new(socket), translated).await;
            } else {
                let _ = http.serve_connection(TokioIo::new(socket), service).await;
            }
        });
    }
}

fn refused() -> Response<s3s::Body> {
    let body = "<Error><Code>AuthenticationRequired</Code><Message>Authentication required.</Message></Error>";
    let mut response = Response::new(s3s::Body::from(body.to_owned()));
    *response.status_mut() = StatusCode::UNAUTHORIZED;
    response
}

/// A request to Google as S3 would be asked.
fn to_s3(mut request: Request<Incoming>) -> Request<Incoming> {
    let headers = request.headers_mut();
    headers.remove(AUTHORIZATION);
    // Generation 0 is that of an object which is not there.
    if headers.remove("x-goog-if-generation-match").is_some_and(|generation| generation == "0") {
        headers.insert("if-none-match", HeaderValue::from_static("*"));
    }
    rename(headers, "x-goog-meta-", "x-amz-meta-");
    request
}

/// An answer of S3 as Google would give it.
fn from_s3(mut response: Response<s3s::Body>) -> Response<s3s::Body> {
    rename(response.headers_mut(), "x-amz-meta-", "x-goog-meta-");
    response.headers_mut().insert("x-goog-generation", HeaderValue::from_static("1"));
    // `s3s-fs` gives none with a range; Google gives one always.
    response.headers_mut().entry(ETAG).or_insert(HeaderValue::from_static("\"1\""));
    response
}

fn rename(headers: &mut HeaderMap, from: &str, to: &str) {
    let named: Vec<HeaderName> = headers.keys().filter(|name| name.as_str().starts_with(from)).cloned().collect();
    for name in named {
        if let (Some(value), Ok(new)) =
            (headers.remove(&name), name.as_str().replacen(from, to, 1).parse::<HeaderName>())
        {
            headers.insert(new, value);
        }
    }
}

/// The file system with the conditions of S3 on writes. A conditional put holds the gate alone from the check
/// to the end of the write; other writes share it. Reads see renamed, whole files and need no gate.
struct Conditional {
    folder: PathBuf,
    files: FileSystem,
    gate: RwLock<()>,
}

impl Conditional {
    fn has_bucket(&self, bucket: &str) -> S3Result<()> {
        if self.folder.join(bucket).is_dir() { Ok(()) } else { Err(s3_error!(NoSuchBucket)) }
    }
}

#[async_trait::async_trait]
impl S3 for Conditional {
    async fn put_object(&self, req: S3Request<PutObjectInput>) -> S3Result<S3Response<PutObjectOutput>> {
        self.has_bucket(&req.input.bucket)?;
        if req.input.if_none_match.is_none() {
            let _shared = self.gate.read().await;
            return self.files.put_object(req).await;
        }
        let _alone = self.gate.write().await;
        if self.folder.join(&req.input.bucket).join(&req.input.key).exists() {
            return Err(s3_error!(PreconditionFailed));
        }
        self.files.put_object(req).await
    }

    async fn complete_multipart_upload(
        &self,
        req: S3Request<CompleteMultipartUploadInput>,
    ) -> S3Result<S3Response<CompleteMultipartUploadOutput>> {
        let _shared = self.gate.read().await;
        self.files.complete_multipart_upload(req).await
    }

    async fn create_multipart_upload(
        &self,
        req: S3Request<CreateMultipartUploadInput>,
    ) -> S3Result<S3Response<CreateMultipartUploadOutput>> {
        self.has_bucket(&req.input.bucket)?;
        self.files.create_multipart_upload(req).await
    }

    async fn upload_part(&self, req: S3Request<UploadPartInput>) -> S3Result<S3Response<UploadPartOutput>> {
        self.files.upload_part(req).await
    }

    async fn abort_multipart_upload(
        &self,
        req: S3Request<AbortMultipartUploadInput>,
    ) -> S3Result<S3Response<AbortMultipartUploadOutput>> {
        self.files.abort_multipart_upload(req).await
    }

    async fn get_object(&self, req: S3Request<GetObjectInput>) -> S3Result<S3Response<GetObjectOutput>> {
        self.has_bucket(&req.input.bucket)?;
        self.files.get_object(req).await
    }

    async fn head_object(&self, req: S3Request<HeadObjectInput>) -> S3Result<S3Response<HeadObjectOutput>> {
        self.files.head_object(req).await
    }

    async fn list_objects_v2(&self, req: S3Request<ListObjectsV2Input>) -> S3Result<S3Response<ListObjectsV2Output>> {
        self.files.list_objects_v2(req).await
    }

    async fn delete_object(&self, req: S3Request<DeleteObjectInput>) -> S3Result<S3Response<DeleteObjectOutput>> {
        self.files.delete_object(req).await
    }
}
