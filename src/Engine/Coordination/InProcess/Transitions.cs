using Sluice.Aggregates;

namespace Sluice.Coordination;

/// <summary>
/// The protocol: every transition as a pure function of partition state, server time and request. The in-process coordinator, the explorer, the
/// property tests and the differential tests of other coordinators all call it.
/// </summary>
internal static class Transitions
{
    public static (PartitionState State, object Reply) Apply(PartitionState state, long now, RecordMerger merger, object request) => request switch
    {
        FlushRequest flush => FlushTransition.Apply(state, now, merger, flush),
        ClaimRequest claim => ClaimTransitions.Claim(state, now, claim),
        AcknowledgeRequest acknowledge => ClaimTransitions.Acknowledge(state, now, acknowledge),
        ExtendRequest extend => ClaimTransitions.Extend(state, now, extend),
        AbandonRequest abandon => ClaimTransitions.Abandon(state, now, abandon),
        BeatRequest beat => MembershipTransitions.Beat(state, now, beat),
        PokeRequest poke => (state, MembershipTransitions.Poke(state, now, poke)),
        ReapRequest reap => MembershipTransitions.Reap(state, now, reap),
        LeaveRequest leave => MembershipTransitions.Leave(state, now, leave),
        EndRequest end => EndTransition.Apply(state, now, end),
        CompactRequest compact => CompactTransition.Apply(state, now, merger, compact),
        PeekRequest peek => (state, InspectionTransitions.Peek(state, now, peek)),
        HoldersRequest holders => (state, InspectionTransitions.Holders(state, holders)),
        MembersRequest => (state, InspectionTransitions.Members(state, now)),
        ClaimsRequest claims => (state, InspectionTransitions.Claims(state, now, claims)),
        DeadLettersRequest letters => (state, InspectionTransitions.DeadLetters(state, letters)),
        ReplayRequest replay => InspectionTransitions.Replay(state, now, merger, replay),
        PurgeRequest purge => InspectionTransitions.Purge(state, now, purge),
        _ => throw new NotSupportedException($"There is no transition for {request.GetType().Name}."),
    };
}
