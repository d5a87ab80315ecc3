"""Third-party SMPP peers as processes: node-smpp, Kannel, smpplib; and what is shown with them."""
