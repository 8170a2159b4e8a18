namespace Sluice.Resp;

/// <summary>The server does not let the client in, or not do what every connection begins with: wrong password, no password, no right. Dialling goes on, for credentials may rotate.</summary>
public sealed class RespAuthenticationException : RespException
{
    /// <summary>Use the constructor with a kind.</summary>
    public RespAuthenticationException()
        : this("The server refused the credentials.")
    {
    }

    /// <summary>A refusal of which nothing is known.</summary>
    public RespAuthenticationException(string message)
        : this(message, innerException: null)
    {
    }

    /// <summary>A refusal of which nothing is known.</summary>
    public RespAuthenticationException(string message, Exception? innerException)
        : base(message, innerException) => Kind = (innerException as RespServerException)?.Kind ?? RespErrorKind.Other;

    /// <summary><see cref="RespErrorKind.WrongPass"/>, <see cref="RespErrorKind.NoAuth"/>, <see cref="RespErrorKind.NoPermission"/>, or <see cref="RespErrorKind.Err"/> from old servers.</summary>
    public RespErrorKind Kind { get; }
}
