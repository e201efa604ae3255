"""What to do about each rule of a policy that a job breaks: why it is one, and what to write."""

from collections.abc import Mapping

from myscheduler.core.findings.advice import Advice

POLICY_ADVICE: Mapping[str, Advice] = {
    "policy-chain-depth": Advice(
        "A long chain is hard to follow, and a failure at its beginning stops all of it.",
        "Have several jobs run after the same one, or have max_chain_depth in policy.yaml changed.",
    ),
    "policy-chain-label": Advice(
        "Who changes a job should not stop those of others with it. A label that is missing counts as another value.",
        "Link to jobs with the same value only, or have chains_within_label in policy.yaml changed.",
        "job_id: extract\nlabels: {team: billing}\n---\nlabels: {team: sales}\nafter: [{job: extract}]",
        "job_id: extract\nlabels: {team: billing}\n---\nlabels: {team: billing}\nafter: [{job: extract}]",
    ),
    "policy-host": Advice(
        "The policy decides in one place which hosts jobs may call, so that no manifest can reach any other.",
        "Call a host that policy.yaml allows, or have allow_hosts or deny_hosts in it changed.",
        "target_url: https://elsewhere.example.org/run",
        "target_url: https://api.example.com/run",
    ),
    "policy-insecure-tls": Advice(
        "Without the check, whoever is on the way can answer for the target, and read what is sent.",
        "Trust the authority of the target by tls.ca, or have its host added to allow_insecure_tls in policy.yaml.",
        "tls: {verify: false}",
        'tls: {ca: "${secret:reports-token}"}',
    ),
    "policy-interval": Advice(
        "A job that runs too often puts a load on its target and on all other jobs.",
        "Run the job less often, or have min_interval_sec in policy.yaml changed.",
        "interval: {seconds: 10}",
        "interval: {minutes: 5}",
    ),
    "policy-label": Advice(
        "Labels say who is responsible for a job; without them it is not clear who to ask when it fails.",
        "Write the label with one of the values that policy.yaml names.",
        "labels: {team: sales}",
        "labels: {team: billing}",
    ),
    "policy-link-local": Advice(
        "In a cloud, a call of such an address from a machine returns that machine's credentials.",
        "Call the host by its own address, or have the address added to allow_link_local in policy.yaml.",
        "target_url: http://169.254.169.254/latest/meta-data/",
        "target_url: https://api.example.com/run",
    ),
    "policy-literal-credential": Advice(
        "Anyone who can read the repository, or its history, has the credential.",
        "Write ${secret:NAME} instead, and change the credential, as it is no longer secret.",
        "headers: {Authorization: Bearer 7fQ2mLx9Kp4vTz}",
        'headers: {Authorization: "Bearer ${secret:reports-token}"}',
    ),
    "policy-method": Advice(
        "The policy restricts jobs to methods that are known to do no harm.",
        "Write a method that policy.yaml allows, or have it added to allow_methods. A job without a method uses GET.",
        "method: DELETE",
        "method: POST",
    ),
    "policy-network": Advice(
        "The policy decides in one place which networks jobs may call, whatever names lead there.",
        "Call a host in another network, or have allow_networks or deny_networks in policy.yaml changed.",
        "target_url: http://10.1.2.3/run",
        "target_url: https://api.example.com/run",
    ),
    "policy-retries": Advice(
        "Retries add to the load of a target exactly when it has problems.",
        "Write fewer retries, or have max_retries in policy.yaml changed.",
        "max_retries: 50",
        "max_retries: 2",
    ),
    "policy-starts": Advice(
        "Calls that start together can overload the target.",
        "Write another minute, or jitter_sec, which spreads jobs over minutes; `myscheduler forecast` shows which "
        "minutes are crowded.",
    ),
}
