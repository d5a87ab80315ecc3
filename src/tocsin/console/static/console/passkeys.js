// Passkeys: says in words what went wrong, and turns buttons off where the browser has none to offer.
(() => {
  const box = document.getElementById("passkey-trouble");
  const tell = (words) => { box.textContent = words; box.classList.remove("d-none"); };
  document.addEventListener("allauth.error", (event) => { event.preventDefault(); tell(box.dataset.failed); });
  const able = window.PublicKeyCredential && window.isSecureContext && !/^([\d.]+|\[.*\])$/.test(location.hostname);
  if (able) return;
  for (const button of document.querySelectorAll("[data-passkey], #passkey_login, #mfa_webauthn_reauthenticate")) {
    button.disabled = true;
    button.title = box.dataset.missing;
  }
  if (document.querySelector("form[data-passkey-page]")) tell(box.dataset.missing);
})();
