namespace Sluice.Locking;

/// <summary>What a transition leads to.</summary>
internal readonly record struct LockStep(LockPartitionState State, object Reply, IReadOnlyList<LockWake> Wakes);

/// <summary>
/// The lock protocol: every transition as a pure function of partition state, server time and request. The in-process coordinator, the property tests and the
/// differential tests of other coordinators all call it.
/// </summary>
internal static class LockTransitions
{
    public static LockStep Apply<TReply>(LockPartitionState state, long now, LockRequest<TReply> request) => Apply(state, now, request.Seen, request);

    /// <summary>For who has requests of several kinds.</summary>
    public static LockStep Apply(LockPartitionState state, long now, long seen, object request)
    {
        // What only reads leaves everything as it is, the clock too.
        bool reads = request is ParticipantsRequest or SurveyRequest or HandlesRequest;
        LockDraft draft = new(state, now, reads ? 0 : seen);
        object reply = request switch
        {
            AcquireRequest acquire => HandleTransitions.Acquire(draft, acquire),
            ReleaseRequest release => HandleTransitions.Release(draft, release),
            ConvertRequest convert => HandleTransitions.Convert(draft, convert),
            OpenSessionRequest open => SessionTransitions.Open(draft, open),
            RenewRequest renew => SessionTransitions.Renew(draft, renew),
            CloseSessionRequest close => SessionTransitions.Close(draft, close),
            ParticipantsRequest participants => ParticipantTransitions.Participants(draft, participants),
            RevokeRequest revoke => ParticipantTransitions.Revoke(draft, revoke),
            ForgetRequest forget => ParticipantTransitions.Forget(draft, forget),
            SurveyRequest survey => ParticipantTransitions.Survey(draft, survey),
            HandlesRequest handles => SessionTransitions.Handles(draft, handles),
            _ => throw new NotSupportedException($"There is no transition for {request.GetType().Name}."),
        };
        return new LockStep(draft.Commit(), reply, draft.Wakes);
    }
}
