namespace Sluice.Resp;

/// <summary>What is known of a command that failed without a reply.</summary>
public enum CommandOutcome
{
    /// <summary>
    /// None of its bytes were handed to the transport, and none will be: it did not run and may be sent again. Of a command that goes out in a second form when the server refuses the first (a script or
    /// function that it does not know) this holds for both forms: once the first was sent, the outcome of a failure is <see cref="Unknown"/>.
    /// </summary>
    NotSent,

    /// <summary>It may have run, may be running or may still run: only something that is safe to repeat may be sent again.</summary>
    Unknown,
}
