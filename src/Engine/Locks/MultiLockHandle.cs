namespace Sluice;

/// <summary>Several mutexes, held together: lost as soon as one is lost.</summary>
public abstract class MultiLockHandle : LockHandle
{
    /// <summary>The token of one of the mutexes. <see cref="LockHandle.FencingToken"/> is the highest of all.</summary>
    /// <param name="name">Its name.</param>
    /// <exception cref="ArgumentException">It is none of them.</exception>
    public abstract long FencingTokenOf(string name);
}
