//! Providers behind TLS: valid and invalid certificates.

use std::sync::Arc;

use postly_simulator::{Channel, RequestKind};
use postly_testkit::EngineName;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivatePkcs8KeyDer},
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::mpsc,
    time::timeout,
};
use tokio_rustls::TlsAcceptor;

use crate::{
    outside::Outside,
    process::{PATIENCE, Service},
};

/// A certificate with its key.
struct Identity(CertificateDer<'static>, PrivatePkcs8KeyDer<'static>);

/// An authority that the service is configured to trust.
struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(vec![]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    fn vouches_for(&self, params: &CertificateParams) -> Identity {
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        Identity(certificate.der().clone(), key.serialize_der().into())
    }
}

fn named(name: &str) -> CertificateParams {
    CertificateParams::new(vec![name.to_owned()]).unwrap()
}

fn vouching_for_itself() -> Identity {
    let key = KeyPair::generate().unwrap();
    Identity(named("localhost").self_signed(&key).unwrap().der().clone(), key.serialize_der().into())
}

/// Listens before the simulated world with this certificate. Reports of each connection whether the service
/// accepted the certificate.
async fn door(outside: &Outside, Identity(certificate, key): Identity) -> (u16, mpsc::Receiver<bool>) {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key.into())
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let world = outside.simulator.base_url().trim_start_matches("http://").to_owned();
    let (calls, told) = mpsc::channel(64);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, world, calls) = (acceptor.clone(), world.clone(), calls.clone());
            tokio::spawn(async move {
                let accepted = acceptor.accept(stream).await;
                // The receiver may have been dropped.
                let _ = calls.try_send(accepted.is_ok());
                if let Ok(mut inside) = accepted {
                    let mut outside = TcpStream::connect(world).await.unwrap();
                    drop(tokio::io::copy_bidirectional(&mut inside, &mut outside).await);
                }
            });
        }
    });
    (port, told)
}

#[tokio::test]
async fn s06_a_provider_or_model_whose_certificate_is_not_to_be_believed_is_told_nothing() {
    let outside = Outside::start(EngineName::Sqlite).await;
    let authority = Authority::new();
    let trusted = outside.folder.file("authority.pem", &authority.0.pem());
    let mut expired = named("localhost");
    (expired.not_before, expired.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(2021, 1, 1));
    for (name, identity, believed) in [
        ("signed by itself", vouching_for_itself(), false),
        ("another name", authority.vouches_for(&named("elsewhere.example")), false),
        ("expired", authority.vouches_for(&expired), false),
        // The good certificate shows that each other one is refused for its one fault.
        ("good", authority.vouches_for(&named("localhost")), true),
    ] {
        let (port, mut told) = door(&outside, identity).await;
        let url = format!("https://localhost:{port}");
        let model = format!("{url}/v1");
        let service: Service = outside
            .serve(&[("META_GRAPH_BASE_URL", &url), ("OPENAI_BASE_URL", &model), ("SSL_CERT_FILE", &trusted)])
            .await;
        let fatou = outside.simulator.person(Channel::Meta, "+33639981001");
        outside.deliver_for_sure(&outside.simulator.webhook_text(&fatou, "Post promo pour Instagram")).await;
        // The typing indicator, the model, the reply.
        for _ in 0..3 {
            let call = timeout(PATIENCE, told.recv()).await.expect("the provider is called").unwrap();
            assert_eq!(call, believed, "{name}");
            if believed {
                outside.simulator.wait_for_messages(&fatou, 1, PATIENCE).await;
                break;
            }
        }
        let heard = outside.simulator.journal().len();
        assert_eq!(heard > 0, believed, "{name}: {heard} requests");
        service.stop().await;
    }
    let sent = outside.simulator.journal().iter().filter(|entry| entry.kind == RequestKind::Send).count();
    assert!(sent > 0);
    outside.end().await;
}
