using Sluice.LockFaults;

namespace Sluice.Bench.Soaks;

/// <summary>What happens in a round, for a page of evidence.</summary>
internal static class FaultText
{
    public static string Of(LockFault fault, bool forgets = false) => fault switch
    {
        LockFault.None => "no fault",
        LockFault.Kill => "a process is killed (SIGKILL)",
        LockFault.Pause => "a process is paused for 1.5 leases (SIGSTOP)",
        LockFault.Silence => "a process hears nothing for 1.5 leases",
        LockFault.LostReplies => "replies are lost, connections reset",
        LockFault.Restart => forgets ? "the server is killed and forgets everything" : "the server is killed and restarts, fsync always",
        LockFault.ScriptFlush => "SCRIPT FLUSH",
        LockFault.Starvation => "a process's thread pool is blocked for 1.5 leases",
        LockFault.Collection => "a process collects a large heap, three times",
        _ => fault.ToString(),
    };
}
