using System.Globalization;

namespace Sluice.Resp;

/// <summary>The value is larger than the buffer that the caller gave. Nothing was copied; the connection is sound.</summary>
public sealed class RespBufferException : RespException
{
    /// <summary>Use the constructor with lengths.</summary>
    public RespBufferException()
    {
    }

    /// <summary>Says what happened.</summary>
    public RespBufferException(string message)
        : base(message)
    {
    }

    /// <summary>Says what happened.</summary>
    public RespBufferException(string message, Exception? innerException)
        : base(message, innerException)
    {
    }

    internal RespBufferException(long required, int given)
        : base(string.Create(CultureInfo.InvariantCulture, $"The value has {required} bytes, the buffer {given}."), null) => Required = required;

    /// <summary>How many bytes the value has.</summary>
    public long Required { get; }
}
