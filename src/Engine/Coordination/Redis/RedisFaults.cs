using Sluice.Resp;

namespace Sluice.Coordination.Redis;

/// <summary>
/// What a failed call means for the protocol: whether the script can have run. Only what is certain is called not applied; the number of the batch decides about the
/// rest.
/// </summary>
/// <remarks>
/// An error that a server answers to a script of ours means that nothing was written: the scripts read everything first, and the errors of the list below come before a script runs or from its first
/// write. Any other error may come from the middle of one.
/// </remarks>
internal static class RedisFaults
{
    public static CoordinatorException Translate(Exception fault, RespEndpoint server) => new(
        OutcomeOf(fault), $"{server}: {(fault is RespServerException answered ? $"the server answered '{answered.Text}'" : fault.Message)}", fault);

    private static RequestOutcome OutcomeOf(Exception fault) => fault switch
    {
        RespServerException { Token: "SLUICETWICE" } => RequestOutcome.NotApplied,
        RespServerException answered => IsRefusal(answered.Kind) ? RequestOutcome.NotApplied : RequestOutcome.Unknown,
        RespConnectionException lost => lost.Outcome == CommandOutcome.NotSent ? RequestOutcome.NotApplied : RequestOutcome.Unknown,
        RespTimeoutException late => late.Outcome == CommandOutcome.NotSent ? RequestOutcome.NotApplied : RequestOutcome.Unknown,
        RespOverloadException or RespAuthenticationException or ObjectDisposedException => RequestOutcome.NotApplied,
        _ => RequestOutcome.Unknown,
    };

    private static bool IsRefusal(RespErrorKind kind) => kind is RespErrorKind.NoScript or RespErrorKind.ReadOnly or RespErrorKind.Loading or RespErrorKind.Busy
        or RespErrorKind.TryAgain or RespErrorKind.ClusterDown or RespErrorKind.MasterDown or RespErrorKind.OutOfMemory or RespErrorKind.NoPermission
        or RespErrorKind.WrongPass or RespErrorKind.NoAuth or RespErrorKind.Moved or RespErrorKind.Ask or RespErrorKind.Redirect or RespErrorKind.CrossSlot
        or RespErrorKind.NoReplicas or RespErrorKind.MisConfig;
}
