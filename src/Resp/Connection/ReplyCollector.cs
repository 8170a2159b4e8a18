namespace Sluice.Resp.Connection;

/// <summary>
/// Takes the replies of a command that has several, or whose reply needs a reading of its own. Runs on the connection's reader thread: short, no waiting,
/// no user code. What it throws fails the command, not the connection.
/// </summary>
internal abstract class ReplyCollector
{
    /// <summary>
    /// How many replies it takes; the slot keeps its place in the ring until the last has come. <see cref="Collect"/> may raise it: where commands may answer with
    /// a push, only an error of theirs is a reply. Then the command has neither deadline nor token, for nobody counts when it is abandoned.
    /// </summary>
    public abstract int Expected { get; }

    /// <summary>Takes one reply, an error reply too.</summary>
    /// <param name="index">0 for the first.</param>
    /// <param name="reply">The reply; its bytes are gone when the call returns.</param>
    public abstract void Collect(int index, ref RespReader reply);
}
