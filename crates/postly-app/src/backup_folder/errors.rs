//! The errors of the storage, for an operator. An answer of the storage is not shown: it may repeat
//! what was signed.

use std::error::Error as _;

use object_store::client::{HttpError, HttpErrorKind};

use super::BackupFolderError;

/// The permissions that the credentials need.
const PERMISSIONS: &str = "s3:ListBucket, s3:GetObject and s3:PutObject, s3:AbortMultipartUpload for large copies, and s3:DeleteObject for --keep";

/// Returns the error of an operation on a bucket as one sentence.
pub(super) fn explain(doing: &str, bucket: &str, error: &object_store::Error) -> BackupFolderError {
    let code = code(&error.to_string());
    let sentence = match code.as_deref() {
        Some(code @ ("InvalidAccessKeyId" | "SignatureDoesNotMatch" | "AuthFailure" | "Unauthorized")) => {
            format!(
                "the storage refuses the credentials ({code}): check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
            )
        }
        Some(code @ ("ExpiredToken" | "InvalidToken" | "TokenRefreshRequired" | "InvalidClientTokenId")) => {
            format!(
                "the storage refuses the temporary credentials ({code}): renew AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and \
             AWS_SESSION_TOKEN together"
            )
        }
        Some("NoSuchBucket") => {
            format!("there is no bucket {bucket} at this storage: create it, or correct its name")
        }
        Some(
            code @ ("AuthorizationHeaderMalformed"
            | "PermanentRedirect"
            | "IllegalLocationConstraintException"),
        ) => {
            format!("the bucket {bucket} is in another region ({code}): set AWS_REGION to it")
        }
        Some("RequestTimeTooSkewed") => {
            "the storage refuses the time of this machine: set its clock (timedatectl)".to_owned()
        }
        Some("AccessDenied" | "AccountProblem" | "AllAccessDisabled") => denied(bucket),
        Some(_) | None => return unexplained(doing, bucket, code.as_deref(), error),
    };
    BackupFolderError::Refused(sentence)
}

fn denied(bucket: &str) -> String {
    format!("these credentials may not do that in the bucket {bucket}: they need {PERMISSIONS}")
}

/// An error without a code that we know.
fn unexplained(
    doing: &str,
    bucket: &str,
    code: Option<&str>,
    error: &object_store::Error,
) -> BackupFolderError {
    use object_store::Error;
    let reason = match (error, code) {
        (Error::PermissionDenied { .. } | Error::Unauthenticated { .. }, None) => {
            return BackupFolderError::Refused(denied(bucket));
        }
        (Error::NotFound { .. }, None | Some("NoSuchKey")) => "it is not there".to_owned(),
        (_, Some(code)) => format!("the storage answered {code}"),
        (_, None) => match http_error(error) {
            Some(HttpErrorKind::Connect) => {
                "nothing answers at its address; check AWS_ENDPOINT_URL and AWS_REGION".to_owned()
            }
            Some(HttpErrorKind::Timeout) => "the storage did not answer in time".to_owned(),
            Some(_) => "the connection to the storage broke".to_owned(),
            None => status(&error.to_string()).map_or_else(
                || "its answer cannot be read".to_owned(),
                |status| format!("the storage answered {status}"),
            ),
        },
    };
    BackupFolderError::Failed(format!("{doing}: {reason}"))
}

/// Finds the error of the connection below an error of the storage.
fn http_error(error: &object_store::Error) -> Option<HttpErrorKind> {
    let mut source = error.source();
    while let Some(error) = source {
        if let Some(error) = error.downcast_ref::<HttpError>() {
            return Some(error.kind());
        }
        source = error.source();
    }
    None
}

/// Returns true if the storage has no conditional writes.
pub(super) fn is_unconditional(error: &object_store::Error) -> bool {
    code(&error.to_string()).is_some_and(|code| code == "NotImplemented")
}

/// Returns the code in an error document of S3 (`<Code>NoSuchBucket</Code>`).
fn code(text: &str) -> Option<String> {
    let code = text.split_once("<Code>")?.1.split_once("</Code>")?.0;
    let is_code =
        !code.is_empty() && code.len() <= 64 && code.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_code.then(|| code.to_owned())
}

/// Returns the status of an answer in the words of object_store.
fn status(text: &str) -> Option<&str> {
    let status = text.split_once("status code: ")?.1.get(..3)?;
    status.bytes().all(|byte| byte.is_ascii_digit()).then_some(status)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_is_read_from_an_answer_and_nothing_else_is() {
        let answer = "403 Forbidden: <?xml version=\"1.0\"?><Error><Code>SignatureDoesNotMatch</Code>\
                      <StringToSign>AWS4-HMAC-SHA256 secret</StringToSign></Error>";
        let source = format!("Server returned non-2xx status code: {answer}").into();
        let error = object_store::Error::PermissionDenied { path: "postly".to_owned(), source };
        let explained = explain("cannot list the bucket", "backups", &error);
        assert!(matches!(explained, BackupFolderError::Refused(_)), "{explained:?}");
        let text = format!("{explained} {explained:?}");
        assert!(text.contains("SignatureDoesNotMatch") && !text.contains("secret"), "{text}");
        for (text, expected) in [
            ("<Code>SlowDown</Code>", Some("SlowDown")),
            ("<Code></Code>", None),
            ("<Code>a b</Code>", None),
            ("no document", None),
        ] {
            assert_eq!(code(text).as_deref(), expected, "{text}");
        }
        assert_eq!(status("Server returned non-2xx status code: 503 Service"), Some("503"));
    }
}
