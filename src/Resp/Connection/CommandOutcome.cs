namespace Sluice.Resp;

/// <summary>What is known of a command that failed without a reply.</summary>
public enum CommandOutcome
{
    /// <summary>None of its bytes were handed to the transport, and none will be: it did not run and may be sent again.</summary>
    NotSent,

    /// <summary>It may have run, may be running or may still run: only something that is safe to repeat may be sent again.</summary>
    Unknown,
}
