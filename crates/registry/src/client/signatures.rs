//! Signatures beside an artifact: DSSE envelopes in artifacts of their own, which refer to it.
//! Whether they are any good is not decided here.

use bytes::Bytes;
use deploy_spec::{Digest, Fault};

use super::Client;
use super::session::Session;
use crate::auth::Access;
use crate::document::{Descriptor, EMPTY_CONFIG, Manifest, encode, media};
use crate::reference::OciReference;

impl Client {
    /// The envelopes that refer to the manifest with this digest, in the repository of
    /// `reference`. An artifact without signatures has none.
    ///
    /// # Errors
    /// `refused` when one is not what the registry says, too large, or when there are too many;
    /// otherwise as [`Client::resolve`].
    pub async fn signatures(
        &self,
        reference: &OciReference,
        manifest_digest: &Digest,
    ) -> Result<Vec<Vec<u8>>, Fault> {
        let session = self.session(reference, Access::Pull).await?;
        let all = session.referrers(manifest_digest).await?;
        let signs = |d: &Descriptor| d.artifact_type.as_deref() == Some(media::SIGNATURE);
        let found: Vec<Descriptor> = all.into_iter().filter(signs).collect();
        let most = session.limits().signatures;
        if found.len() > most {
            return Err(Fault::refused(format!(
                "{manifest_digest} in {} has {} signatures; {most} may be",
                session.place(),
                found.len()
            )));
        }
        let mut envelopes = Vec::new();
        for referrer in found {
            envelopes.extend(session.envelope(manifest_digest, &referrer).await?);
        }
        Ok(envelopes)
    }

    /// Brings an envelope beside an artifact that is in a registry already.
    ///
    /// # Errors
    /// As [`Client::push`].
    pub async fn attach(&self, reference: &OciReference, envelope: &[u8]) -> Result<(), Fault> {
        let session = self.session(reference, Access::Push).await?;
        let subject = session.manifest(reference.target()).await?;
        session.attach(&Descriptor::of(media::MANIFEST, &subject.bytes), envelope).await
    }
}

impl Session<'_> {
    /// The envelope of one referrer; none when it refers to something else after all.
    async fn envelope(
        &self,
        subject: &Digest,
        referrer: &Descriptor,
    ) -> Result<Option<Vec<u8>>, Fault> {
        let fetched = self.manifest(referrer.digest.as_str()).await?;
        let manifest = Manifest::read(&fetched.bytes, &fetched.media_type)?;
        if manifest.subject.as_ref().is_none_or(|named| named.digest != *subject) {
            return Ok(None);
        }
        let layer = manifest.layer(&[media::SIGNATURE])?;
        let bytes = self.small(layer, self.limits().envelope_bytes).await?;
        Ok(Some(bytes.to_vec()))
    }

    /// Makes an envelope an artifact that refers to `subject`.
    ///
    /// # Errors
    /// As [`Client::push`].
    pub(super) async fn attach(&self, subject: &Descriptor, envelope: &[u8]) -> Result<(), Fault> {
        self.put_small(EMPTY_CONFIG.into(), media::EMPTY).await?;
        let blob = Bytes::copy_from_slice(envelope);
        let layer = self.put_small(blob, media::SIGNATURE).await?;
        let mut manifest = Manifest::of(media::SIGNATURE, layer);
        manifest.subject = Some(subject.clone());
        let bytes = Bytes::from(encode(&manifest)?);
        let mut referrer = Descriptor::of(media::MANIFEST, &bytes);
        let target = referrer.digest.to_string();
        if self.put_manifest(&target, media::MANIFEST, bytes).await? {
            return Ok(());
        }
        referrer.artifact_type = Some(media::SIGNATURE.to_owned());
        self.list_by_tag(&subject.digest, &referrer).await
    }
}
